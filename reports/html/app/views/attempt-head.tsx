import type { AttemptRow, RunPage } from '../../model.js';
import { Outcome } from '../parts/outcome.js';
import { Strange } from '../parts/strange.js';
import { routeHash } from '../route.js';
import { neighbours, parseSelection, selectionQuery } from '../selection.js';

interface HeadProps {
  readonly page: RunPage;
  readonly row: AttemptRow;
  readonly base: readonly string[];
  readonly query: URLSearchParams;
}

/** What became of an attempt, the others at its instance, and the way to the next in the table. */
export function AttemptHead({ page, row, base, query }: HeadProps) {
  const { instanceId, repo, difficulty, month, outcome, reason, strict } = row;
  const selection = parseSelection(query);
  const kept = selectionQuery(selection);
  const address = (to: AttemptRow) => routeHash([...base, 'i', to.instanceId, String(to.attempt)], kept);
  const { previous, next, position, total } = neighbours(page.rows, selection, row);
  const attempts = page.rows.filter((one) => one.instanceId === instanceId);
  const differs = strict !== undefined && strict.resolved !== (outcome === 'resolved');
  return (
    <header class="attempt-head">
      <nav class="neighbours" aria-label="Instances">
        {previous === undefined ? <span>← Previous</span> : <a href={address(previous)}>← Previous</a>}
        {position > 0 && (
          <span>
            {position} of {total}
          </span>
        )}
        {next === undefined ? <span>Next →</span> : <a href={address(next)}>Next →</a>}
      </nav>
      <h1>
        <Strange text={instanceId} />
      </h1>
      <p class="verdict">
        <strong>
          <Outcome of={outcome} />
        </strong>
        {reason !== undefined && (
          <span>
            <Strange text={wordsOf(reason)} />
          </span>
        )}
        {strict !== undefined && (
          <span class={differs ? 'differs' : undefined}>
            {differs ? '≠ ' : ''}strict verdict: {strict.resolved ? 'resolved' : 'not resolved'}
            {differs && (
              <>
                , <Strange text={wordsOf(strict.reason)} />
              </>
            )}
          </span>
        )}
      </p>
      <p class="about">
        <Strange text={repo} />
        {difficulty !== undefined && (
          <span>
            <Strange text={difficulty} />
          </span>
        )}
        {month !== undefined && <span>{month}</span>}
      </p>
      {attempts.length > 1 && (
        <nav class="attempts" aria-label="Attempts at this instance">
          {attempts.map((one) => (
            <a key={one.attempt} href={address(one)} aria-current={one === row ? 'page' : undefined}>
              Attempt {one.attempt}: <Outcome of={one.outcome} />
            </a>
          ))}
        </nav>
      )}
    </header>
  );
}

/** `tests_failed` as people write it. */
function wordsOf(code: string): string {
  return code.replaceAll('_', ' ');
}
