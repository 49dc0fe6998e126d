import type { AttemptRow } from '../model.js';

/** What the table can be narrowed by, by its name in the address, with the value of a row. */
const FACETS = {
  outcome: ({ outcome }) => outcome,
  repo: ({ repo }) => repo,
  difficulty: ({ difficulty }) => difficulty ?? NOT_GIVEN,
  month: ({ month }) => month ?? NOT_GIVEN,
  reason: ({ reason }) => reason,
  strict: ({ outcome, strict }) =>
    strict === undefined
      ? undefined
      : strict.resolved === (outcome === 'resolved')
        ? 'as official'
        : 'differs',
  validation: ({ validation }) => validation,
} satisfies Readonly<Record<string, (row: AttemptRow) => string | undefined>>;

/** As summaries name the group. */
const NOT_GIVEN = 'not given';

export type Facet = keyof typeof FACETS;
const facets = Object.keys(FACETS) as readonly Facet[];

/** What the table can be sorted by; a row without the value comes last. */
const COLUMNS = {
  instance: ({ instanceId }) => instanceId,
  repo: ({ repo }) => repo,
  attempt: ({ attempt }) => attempt,
  outcome: ({ outcome }) => OUTCOMES.indexOf(outcome),
  reason: ({ reason }) => reason,
  strict: ({ strict }) => (strict === undefined ? undefined : Number(!strict.resolved)),
  'fail-to-pass': ({ failToPass }) => share(failToPass),
  'pass-to-pass': ({ passToPass }) => share(passToPass),
  tests: ({ testSeconds }) => testSeconds,
  turns: ({ episode }) => episode?.turns,
  cost: ({ episode }) => episode?.cost,
} satisfies Readonly<Record<string, (row: AttemptRow) => string | number | undefined>>;

const OUTCOMES: readonly AttemptRow['outcome'][] = [
  'resolved',
  'unresolved',
  'invalid',
  'infra_error',
  'missing',
  'no_prediction',
];

export type Column = keyof typeof COLUMNS;

/** Which rows the table shows, and in what order; kept in the address. */
export interface Selection {
  /** Words that instance, repository or reason must contain, all of them. */
  readonly text: string;
  /** Values of which a row must have one, by facet. */
  readonly chosen: Readonly<Partial<Record<Facet, readonly string[]>>>;
  readonly sort?: { readonly column: Column; readonly descending: boolean };
  /** From 1. */
  readonly page: number;
}

/** The selection that an address asks for; what it doesn't know is left out. */
export function parseSelection(query: URLSearchParams): Selection {
  const chosen = facets.flatMap((facet) => {
    const values = query.getAll(facet);
    return values.length === 0 ? [] : [[facet, values] as const];
  });
  const sort = query.get('sort') ?? '';
  const column = sort.replace(/^-/, '');
  const page = Number(query.get('page'));
  return {
    text: query.get('q') ?? '',
    chosen: Object.fromEntries(chosen),
    ...(Object.hasOwn(COLUMNS, column)
      ? { sort: { column: column as Column, descending: sort.startsWith('-') } }
      : {}),
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

/** The parameters of a selection, for an address. */
export function selectionQuery({ text, chosen, sort, page }: Selection): URLSearchParams {
  return new URLSearchParams([
    ...(text === '' ? [] : [['q', text]]),
    ...facets.flatMap((facet) => (chosen[facet] ?? []).map((value) => [facet, value])),
    ...(sort === undefined ? [] : [['sort', `${sort.descending ? '-' : ''}${sort.column}`]]),
    ...(page === 1 ? [] : [['page', String(page)]]),
  ]);
}

/** True where rows may be left out. */
export function isNarrowed({ text, chosen }: Selection): boolean {
  return text !== '' || Object.keys(chosen).length > 0;
}

/** The selection with these values of a facet, from its first page on. */
export function choose(selection: Selection, facet: Facet, values: readonly string[]): Selection {
  const { [facet]: _, ...others } = selection.chosen;
  return { ...selection, page: 1, chosen: values.length === 0 ? others : { ...others, [facet]: values } };
}

export interface Choice {
  readonly value: string;
  /** Rows that would be shown with it, all other facets as they are. */
  readonly rows: number;
}

/** The rows that a selection shows, in its order, and what each facet offers. */
export function select(
  rows: readonly AttemptRow[],
  selection: Selection,
): { readonly rows: readonly AttemptRow[]; readonly choices: Readonly<Record<Facet, readonly Choice[]>> } {
  const words = selection.text.toLowerCase().split(/\s+/);
  const counts = Object.fromEntries(facets.map((facet) => [facet, new Map<string, number>()])) as Record<
    Facet,
    Map<string, number>
  >;
  const chosen = facets.flatMap((facet) => {
    const values = selection.chosen[facet];
    return values === undefined ? [] : [{ facet, values: new Set(values) }];
  });
  const shown: AttemptRow[] = [];
  for (const row of rows) {
    const hidden = chosen.filter(({ facet, values }) => !values.has(FACETS[facet](row) ?? ''));
    const found = contains(row, words);
    if (found && hidden.length === 0) shown.push(row);
    for (const facet of facets) {
      const value = FACETS[facet](row);
      if (value === undefined) continue;
      // A choice of its own facet hides no row from the count of the others in it.
      const counted = found && hidden.every((one) => one.facet === facet);
      counts[facet].set(value, (counts[facet].get(value) ?? 0) + Number(counted));
    }
  }
  return {
    rows: sorted(shown, selection.sort),
    choices: Object.fromEntries(
      facets.map((facet) => [
        facet,
        [...counts[facet]].map(([value, rows]) => ({ value, rows })).sort(byValue),
      ]),
    ) as unknown as Record<Facet, readonly Choice[]>,
  };
}

/** Pass@1 of some rows: the mean over their instances of the share of these attempts that resolved it. */
export function rateOf(rows: readonly AttemptRow[]): { readonly score: number; readonly instances: number } {
  const byInstance = new Map<string, { resolved: number; attempts: number }>();
  for (const { instanceId, outcome } of rows) {
    const entry = byInstance.get(instanceId) ?? { resolved: 0, attempts: 0 };
    entry.resolved += Number(outcome === 'resolved');
    entry.attempts++;
    byInstance.set(instanceId, entry);
  }
  const score = [...byInstance.values()].reduce(
    (sum, { resolved, attempts }) => sum + resolved / attempts,
    0,
  );
  return { score, instances: byInstance.size };
}

export interface Neighbours {
  readonly previous?: AttemptRow;
  readonly next?: AttemptRow;
  /** From 1; 0 where the selection doesn't show the row. */
  readonly position: number;
  readonly total: number;
}

/** What stands before and after an attempt among the rows that a selection shows. */
export function neighbours(
  rows: readonly AttemptRow[],
  selection: Selection,
  current: Pick<AttemptRow, 'instanceId' | 'attempt'>,
): Neighbours {
  const shown = select(rows, selection).rows;
  const index = shown.findIndex(
    ({ instanceId, attempt }) => instanceId === current.instanceId && attempt === current.attempt,
  );
  const [previous, next] = index < 0 ? [] : [shown[index - 1], shown[index + 1]];
  return {
    ...(previous === undefined ? {} : { previous }),
    ...(next === undefined ? {} : { next }),
    position: index + 1,
    total: shown.length,
  };
}

function contains({ instanceId, repo, reason = '' }: AttemptRow, words: readonly string[]): boolean {
  const text = `${instanceId} ${repo} ${reason}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

const collator = new Intl.Collator('en', { numeric: true });
const byValue = (a: Choice, b: Choice) => collator.compare(a.value, b.value);

function sorted(rows: readonly AttemptRow[], sort: Selection['sort']): readonly AttemptRow[] {
  if (sort === undefined) return rows;
  const read: (row: AttemptRow) => string | number | undefined = COLUMNS[sort.column];
  const sign = sort.descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: read(row) }))
    .sort((a, b) => {
      if (a.value === undefined || b.value === undefined)
        return Number(a.value === undefined) - Number(b.value === undefined);
      return typeof a.value === 'number' && typeof b.value === 'number'
        ? sign * (a.value - b.value)
        : sign * collator.compare(String(a.value), String(b.value));
    })
    .map(({ row }) => row);
}

function share(tests: readonly [number, number] | undefined): number | undefined {
  return tests === undefined ? undefined : tests[0] / Math.max(tests[1], 1);
}
