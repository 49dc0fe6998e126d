import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { count, percent, score } from '../../../format.js';
import type { AttemptRow, RunPage } from '../../model.js';
import { useGradual } from '../parts/gradual.js';
import { Outcome } from '../parts/outcome.js';
import { Strange } from '../parts/strange.js';
import { type Route, replaceRoute, routeHash } from '../route.js';
import { isLeft } from '../scroll.js';
import {
  type Column,
  isNarrowed,
  parseSelection,
  rateOf,
  type Selection,
  select,
  selectionQuery,
} from '../selection.js';
import { Filters } from './table-filters.js';
import './table.css';

interface TableProps {
  readonly page: RunPage;
  readonly base: readonly string[];
  readonly route: Route;
}

/** Browsers stay quick with so many rows; more are put on pages. */
const PAGE_ROWS = 1000;

/** A line per attempt; which ones, and in what order, stands in the address. */
export function InstanceTable({ page, base, route }: TableProps) {
  const { rows } = page;
  const selection = parseSelection(route.query);
  const query = selectionQuery(selection).toString();
  const selected = useMemo(() => select(rows, selection), [rows, query]);
  const pages = Math.max(1, Math.ceil(selected.rows.length / PAGE_ROWS));
  const current = Math.min(selection.page, pages);
  const change = (next: Selection) => replaceRoute(routeHash([...base, ...route.path], selectionQuery(next)));
  const head = useMemo(() => COLUMNS.filter(({ there }) => there === undefined || rows.some(there)), [rows]);
  const shown = useMemo(
    () =>
      selected.rows
        .slice((current - 1) * PAGE_ROWS, current * PAGE_ROWS)
        .map((row) => ({ row, key: `${row.instanceId}#${row.attempt}` })),
    [selected, current],
  );
  const keys = useMemo(() => shown.map(({ key }) => key), [shown]);
  const drawn = useGradual(keys, isLeft(routeHash([...base, ...route.path], route.query)));
  const body = useMemo(
    () =>
      shown
        .slice(0, drawn)
        .map(({ row, key }) => <Row key={key} row={row} columns={head} base={base} query={query} />),
    [shown, drawn],
  );
  return (
    <section id="instances" tabIndex={-1} aria-label="Instances">
      <h2>Instances</h2>
      <Filters selection={selection} choices={selected.choices} change={change} />
      <p class="shown" aria-live="polite">
        {selected.rows.length} of {count(rows.length, 'attempt')}
        <Rate selection={selection} rows={selected.rows} />
      </p>
      <table class="instances">
        <thead>
          <tr>
            {head.map((column) => (
              <Heading key={column.name} column={column} selection={selection} change={change} />
            ))}
          </tr>
        </thead>
        <tbody>{body}</tbody>
      </table>
      {pages > 1 && (
        <nav class="pages" aria-label="Pages of the table">
          <button
            type="button"
            disabled={current === 1}
            onClick={() => change({ ...selection, page: current - 1 })}
          >
            Previous
          </button>
          page {current} of {pages}
          <button
            type="button"
            disabled={current === pages}
            onClick={() => change({ ...selection, page: current + 1 })}
          >
            Next
          </button>
        </nav>
      )}
    </section>
  );
}

/** Pass@1 of what is shown, unless it is chosen by how it ended. */
function Rate({ selection, rows }: { readonly selection: Selection; readonly rows: readonly AttemptRow[] }) {
  const { outcome, reason, strict } = selection.chosen;
  if ((!isNarrowed(selection) || outcome) ?? reason ?? strict) return null;
  const rate = rateOf(rows);
  if (rate.instances === 0) return null;
  return (
    <>
      {' '}
      · Pass@1 of these {percent(rate.score / rate.instances)} % ({score(rate)} of{' '}
      {count(rate.instances, 'instance')})
    </>
  );
}

interface ColumnOfTable {
  readonly name: Column;
  readonly title: ComponentChildren;
  /** Aligned to the right. */
  readonly number?: true;
  /** Left out where the screen is narrow. */
  readonly wide?: true;
  /** Left out where it holds for no row. */
  readonly there?: (row: AttemptRow) => boolean;
  readonly cell: (row: AttemptRow) => ComponentChildren;
}

const COLUMNS: readonly ColumnOfTable[] = [
  { name: 'instance', title: 'instance', cell: ({ instanceId }) => <Strange text={instanceId} /> },
  { name: 'repo', title: 'repository', wide: true, cell: ({ repo }) => <Strange text={repo} /> },
  {
    name: 'attempt',
    title: 'attempt',
    number: true,
    there: ({ attempt }) => attempt > 1,
    cell: ({ attempt }) => attempt || '',
  },
  { name: 'outcome', title: 'outcome', cell: ({ outcome }) => <Outcome of={outcome} /> },
  {
    name: 'reason',
    title: 'reason',
    wide: true,
    cell: ({ reason }) => reason !== undefined && <Strange text={reason} />,
  },
  {
    name: 'strict',
    title: 'strict',
    wide: true,
    there: ({ strict }) => strict !== undefined,
    cell: ({ outcome, strict }) => strict !== undefined && <Strict official={outcome} strict={strict} />,
  },
  {
    name: 'fail-to-pass',
    title: (
      <>
        FAIL_
        <wbr />
        TO_
        <wbr />
        PASS
      </>
    ),
    number: true,
    cell: ({ failToPass }) => failToPass?.join('/'),
  },
  {
    name: 'pass-to-pass',
    title: (
      <>
        PASS_
        <wbr />
        TO_
        <wbr />
        PASS
      </>
    ),
    number: true,
    wide: true,
    cell: ({ passToPass }) => passToPass?.join('/'),
  },
  {
    name: 'tests',
    title: 'tests, s',
    number: true,
    wide: true,
    cell: ({ testSeconds }) => testSeconds?.toFixed(1),
  },
  {
    name: 'turns',
    title: 'turns',
    number: true,
    wide: true,
    there: ({ episode }) => episode !== undefined,
    cell: ({ episode }) => episode?.turns,
  },
  {
    name: 'cost',
    title: 'cost, $',
    number: true,
    wide: true,
    there: ({ episode }) => episode?.cost !== undefined,
    cell: ({ episode }) => episode?.cost?.toFixed(2),
  },
];

function Strict({
  official,
  strict,
}: {
  readonly official: AttemptRow['outcome'];
  readonly strict: NonNullable<AttemptRow['strict']>;
}) {
  if (strict.resolved === (official === 'resolved')) return <span class="note">as official</span>;
  return (
    <strong>
      differs: <Strange text={strict.reason} />
    </strong>
  );
}

const classOf = ({ number, wide }: ColumnOfTable) => `${number ? 'number' : ''} ${wide ? 'wide-only' : ''}`;

function Heading({
  column,
  selection,
  change,
}: {
  readonly column: ColumnOfTable;
  readonly selection: Selection;
  readonly change: (next: Selection) => void;
}) {
  const { sort, ...unsorted } = selection;
  const descending = sort?.column === column.name ? sort.descending : undefined;
  const next = {
    ...unsorted,
    page: 1,
    // Up, down, and back to the order of the run.
    ...(descending === true ? {} : { sort: { column: column.name, descending: descending === false } }),
  };
  const order = descending === undefined ? 'none' : descending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={`${classOf(column)} at-${column.name}`} aria-sort={order}>
      <button type="button" onClick={() => change(next)}>
        {column.title}
        {descending !== undefined && (
          <span class="order" aria-hidden="true">
            {descending ? '▼' : '▲'}
          </span>
        )}
      </button>
    </th>
  );
}

function Row({
  row,
  columns,
  base,
  query,
}: {
  readonly row: AttemptRow;
  readonly columns: readonly ColumnOfTable[];
  readonly base: readonly string[];
  readonly query: string;
}) {
  const href = routeHash([...base, 'i', row.instanceId, String(row.attempt)], new URLSearchParams(query));
  return (
    <tr>
      {columns.map((column) =>
        column.name === 'instance' ? (
          <th key={column.name} scope="row">
            <a href={href}>{column.cell(row)}</a>
          </th>
        ) : (
          <td key={column.name} class={classOf(column)}>
            {column.cell(row)}
          </td>
        ),
      )}
    </tr>
  );
}
