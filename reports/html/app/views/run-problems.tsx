import type { InfraFailure } from '../../../../src/index.js';
import { classWords, count, oneLine, whyNotValid } from '../../../format.js';
import type { RunPage } from '../../model.js';
import { Strange } from '../parts/strange.js';
import { routeHash } from '../route.js';

interface OfRun {
  readonly page: RunPage;
  readonly base: readonly string[];
}

/** What failed for the machine's fault, by its reason, and what to do about it. */
export function Infrastructure({ page, base }: OfRun) {
  const byReason = new Map<string, InfraFailure[]>();
  for (const failure of page.summary.infraFailures) {
    const list = byReason.get(failure.reason);
    if (list === undefined) byReason.set(failure.reason, [failure]);
    else list.push(failure);
  }
  if (byReason.size === 0) return null;
  return (
    <section>
      <h2>Infrastructure errors</h2>
      <dl class="problems">
        {[...byReason].map(([reason, failures]) => (
          <div key={reason}>
            <dt>
              <a
                href={routeHash(
                  [...base, 'instances'],
                  new URLSearchParams({ outcome: 'infra_error', reason }),
                )}
              >
                <code>
                  <Strange text={reason} />
                </code>
                , {count(failures.length, 'attempt')}
              </a>
            </dt>
            <dd>
              <Strange text={oneLine(failures[0]?.detail?.split('\n', 1)[0] ?? '')} />
              <div>
                <strong>What to do:</strong> <Fix words={failures[0]?.fix ?? ''} />
              </div>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Words of ours with commands in backticks. */
function Fix({ words }: { readonly words: string }) {
  return (
    <>{words.split('`').map((part, index) => (index % 2 === 1 ? <code key={part}>{part}</code> : part))}</>
  );
}

/** What the official rate counts and the rate over gold-valid instances leaves out, each by name. */
export function NotValid({ page: { summary }, base }: OfRun) {
  const { validation } = summary;
  if (validation === null || validation.notValid.length + validation.notValidated.length === 0) return null;
  const rows = [
    ...validation.notValid.map((entry) => [entry.instanceId, classWords(entry), whyNotValid(entry)]),
    ...validation.notValidated.map((instanceId) => [instanceId, 'not validated', '']),
  ];
  return (
    <details>
      <summary>{count(rows.length, 'instance')} not gold-valid here</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">instance</th>
            <th scope="col">validation</th>
            <th scope="col">why</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([id = '', found = '', why = '']) => (
            <tr key={id}>
              <th scope="row">
                <a href={routeHash([...base, 'instances'], new URLSearchParams({ q: id }))}>
                  <Strange text={id} />
                </a>
              </th>
              <td>{found}</td>
              <td>
                <Strange text={why} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
