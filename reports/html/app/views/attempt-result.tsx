import type { Verdict } from '../../../../src/index.js';
import { LongText } from '../parts/more.js';
import { Strange } from '../parts/strange.js';
import { Tests } from '../parts/tests.js';
import { Strict } from './attempt-strict.js';

interface ResultProps {
  readonly verdict: Verdict;
  readonly mention: ((test: string) => string) | undefined;
}

/** Why an attempt got its verdict: the evidence, the tests, and how long each phase took. */
export function Result({ verdict, mention }: ResultProps) {
  const { detail, tests, phase, strict, seconds, notes } = verdict;
  return (
    <>
      {detail !== undefined && detail !== '' && (
        <section>
          <h2>{phase === undefined ? 'In short' : `In short: phase ${phase}`}</h2>
          <LongText text={detail.trimEnd()} />
        </section>
      )}
      <section>
        <h2>Tests</h2>
        {tests === undefined ? <p>No tests were graded.</p> : <Tests tests={tests} mention={mention} />}
      </section>
      {strict !== undefined && <Strict strict={strict} />}
      {notes.length > 0 && (
        <section>
          <h2>Notes</h2>
          <ul>
            {notes.map((note) => (
              <li key={note}>
                <LongText text={note} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h2>Time</h2>
        <Phases seconds={seconds} />
      </section>
    </>
  );
}

function Phases({ seconds }: Pick<Verdict, 'seconds'>) {
  const phases = Object.entries(seconds);
  const total = phases.reduce((sum, [, value]) => sum + value, 0);
  return (
    <table class="phases">
      <thead>
        <tr>
          <th scope="col">Phase</th>
          <th scope="col">Seconds</th>
          <th scope="col">Share</th>
        </tr>
      </thead>
      <tbody>
        {phases.map(([phase, value]) => (
          <tr key={phase}>
            <th scope="row">
              <Strange text={phase} />
            </th>
            <td>{secondsOf(value)}</td>
            <td>
              <span class="bar" style={{ width: `${total === 0 ? 0 : (100 * value) / total}%` }} />
            </td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">all</th>
          <td>{secondsOf(total)}</td>
          <td />
        </tr>
      </tfoot>
    </table>
  );
}

/** With two decimals; in powers of ten where no run takes as long. */
function secondsOf(value: number): string {
  return value < 1e7 ? value.toFixed(2) : value.toExponential(2);
}
