import { useEffect, useState } from 'preact/hooks';
import { percent } from '../../../format.js';
import type { ListedRun } from '../../model.js';
import { routeHash } from '../route.js';
import { get } from '../served.js';
import './runs.css';

/** How often the list is asked for again while it is looked at. */
const AGAIN_MS = 5000;

/** The runs that the server has; two or more can be chosen to be compared. */
export function RunsView() {
  const [runs, setRuns] = useState<readonly ListedRun[]>();
  const [failure, setFailure] = useState<string>();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const load = async () => {
      try {
        setRuns((await (await get('/api/runs')).json()) as ListedRun[]);
        setFailure(undefined);
      } catch (error) {
        setFailure(`The server does not answer: ${(error as Error).message}`);
      }
    };
    void load();
    const timer = setInterval(load, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const toggle = (name: string) => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    setChosen(next);
  };
  return (
    <main class="runs">
      <h1>Runs</h1>
      {failure !== undefined && <p role="alert">{failure}</p>}
      {runs === undefined && failure === undefined && <p role="status">Loading…</p>}
      {runs?.length === 0 && <p>No run here yet.</p>}
      {runs !== undefined && runs.length > 0 && (
        <>
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">compare</th>
                  <th scope="col">run</th>
                  <th scope="col">dataset</th>
                  <th scope="col">model</th>
                  <th scope="col">state</th>
                  <th scope="col" class="number">
                    done
                  </th>
                  <th scope="col" class="number">
                    Pass@1
                  </th>
                  <th scope="col" class="number">
                    95 % interval
                  </th>
                  <th scope="col">started</th>
                </tr>
              </thead>
              <tbody>
                {[...runs].reverse().map((run) => (
                  <Line key={run.name} run={run} isChosen={chosen.has(run.name)} toggle={toggle} />
                ))}
              </tbody>
            </table>
          </div>
          <p>
            {chosen.size < 2 ? (
              'Choose two or more runs to compare them.'
            ) : (
              <a href={routeHash(['compare', ...chosen])}>Compare {chosen.size} runs</a>
            )}
          </p>
        </>
      )}
    </main>
  );
}

function Line({
  run,
  isChosen,
  toggle,
}: {
  readonly run: ListedRun;
  readonly isChosen: boolean;
  readonly toggle: (name: string) => void;
}) {
  if (run.kind === 'damaged')
    return (
      <tr>
        <td />
        <td class="strange">{run.name}</td>
        <td colSpan={7} class="strange">
          damaged: {run.reason}
        </td>
      </tr>
    );
  const bounds = run.kind === 'run' ? run.interval : null;
  return (
    <tr>
      <td>
        {run.kind === 'run' && (
          <input
            type="checkbox"
            checked={isChosen}
            onChange={() => toggle(run.name)}
            aria-label={`compare ${run.name}`}
          />
        )}
      </td>
      <td class="strange">
        <a href={routeHash(['runs', run.name])}>{run.name}</a>
      </td>
      <td class="strange">{run.dataset}</td>
      <td class="strange">{run.model}</td>
      <td>{run.kind === 'training' ? `training (${run.method}), ${run.state}` : run.state}</td>
      <td class="number">{run.kind === 'run' ? `${run.judged}/${run.planned}` : run.done}</td>
      <td class="number">{run.rate === null ? '-' : `${percent(run.rate)} %`}</td>
      <td class="number">{bounds === null ? '-' : `${percent(bounds.low)} to ${percent(bounds.high)} %`}</td>
      <td>{run.createdAt.slice(0, 16).replace('T', ' ')}</td>
    </tr>
  );
}
