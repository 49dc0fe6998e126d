import { useState } from 'preact/hooks';
import type { Group } from '../../../../src/index.js';
import { interval, percent, score, worthShowing } from '../../../format.js';
import type { RunPage } from '../../model.js';
import { Range } from '../parts/range.js';
import { Strange } from '../parts/strange.js';
import { routeHash } from '../route.js';
import type { Facet } from '../selection.js';
import './run-groups.css';

interface GroupingProps {
  readonly title: string;
  readonly groups: readonly Group[];
  readonly base: readonly string[];
  /** By which the table shows the instances of a group; absent where it can't. */
  readonly facet?: Facet;
}

/** Pass@1 of instances that have something in common. */
export function Groups({
  page: { summary },
  base,
}: {
  readonly page: RunPage;
  readonly base: readonly string[];
}) {
  const groupings: readonly GroupingProps[] = [
    { title: 'By repository', groups: summary.byRepository, base, facet: 'repo' },
    { title: 'By difficulty', groups: summary.byDifficulty, base, facet: 'difficulty' },
    { title: 'By month', groups: summary.byMonth, base, facet: 'month' },
    { title: 'By duration', groups: summary.byDuration, base },
  ];
  const shown = groupings.filter(({ groups }) => worthShowing(groups));
  return (
    <section id="groups" tabIndex={-1}>
      <h2>Groups</h2>
      {shown.length === 0 && <p>All instances are of one repository, and of one of every other kind.</p>}
      <div class="groupings">
        {shown.map((grouping) => (
          <Grouping key={grouping.title} {...grouping} />
        ))}
      </div>
    </section>
  );
}

/** More groups than this wait for a click. */
const SHOWN = 15;

function Grouping({ title, groups, base, facet }: GroupingProps) {
  const [all, setAll] = useState(groups.length <= SHOWN);
  return (
    <div class="grouping">
      <h3>{title}</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">{title.replace('By ', '')}</th>
            <th scope="col" class="number">
              resolved
            </th>
            <th scope="col" class="number">
              rate
            </th>
            <th scope="col" class="number bounds">
              95 % interval
            </th>
            <th scope="col" class="drawn">
              <span class="unseen">drawn</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {(all ? groups : groups.slice(0, SHOWN)).map((group) => (
            <tr key={group.name}>
              <th scope="row">
                {facet === undefined ? (
                  group.name
                ) : (
                  <a href={routeHash([...base, 'instances'], new URLSearchParams({ [facet]: group.name }))}>
                    <Strange text={group.name} />
                  </a>
                )}
              </th>
              <td class="number">
                {score(group)} of {group.instances}
              </td>
              <td class="number">{percent(group.rate)} %</td>
              <td class="number bounds">{interval(group)}</td>
              <td class="drawn">
                <Range rate={group} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {!all && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {groups.length}
        </button>
      )}
    </div>
  );
}
