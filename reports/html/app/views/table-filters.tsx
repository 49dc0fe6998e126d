import { FATES, type Fate } from '../parts/outcome.js';
import { visible } from '../parts/strange.js';
import { type Choice, choose, type Facet, isNarrowed, type Selection } from '../selection.js';
import './table-filters.css';

interface FiltersProps {
  readonly selection: Selection;
  readonly choices: Readonly<Record<Facet, readonly Choice[]>>;
  readonly change: (next: Selection) => void;
}

const TITLES: Readonly<Record<Exclude<Facet, 'outcome'>, string>> = {
  repo: 'Repository',
  difficulty: 'Difficulty',
  month: 'Month',
  reason: 'Reason',
  strict: 'Strict verdict',
  validation: 'Validation',
};

/** What narrows the table, with how many rows each choice would show. */
export function Filters({ selection, choices, change }: FiltersProps) {
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <Outcomes selection={selection} choices={choices} change={change} />
      <label class="find">
        <span class="name">Find</span>
        <input
          type="search"
          value={selection.text}
          placeholder="instance, repository, reason"
          onInput={(event) => change({ ...selection, text: event.currentTarget.value, page: 1 })}
        />
      </label>
      {(Object.keys(TITLES) as (keyof typeof TITLES)[]).map((facet) => (
        <FacetSelect
          key={facet}
          title={TITLES[facet]}
          choices={choices[facet]}
          chosen={selection.chosen[facet]?.[0] ?? ''}
          choose={(value) => change(choose(selection, facet, value === '' ? [] : [value]))}
        />
      ))}
      {isNarrowed(selection) && (
        <button type="button" onClick={() => change({ ...selection, text: '', chosen: {}, page: 1 })}>
          Clear all filters
        </button>
      )}
    </form>
  );
}

function Outcomes({ selection, choices, change }: FiltersProps) {
  const chosen = selection.chosen.outcome ?? [];
  const rows = new Map(choices.outcome.map((choice) => [choice.value, choice.rows]));
  return (
    <fieldset class="fates">
      <legend class="name">Outcome</legend>
      {(Object.keys(FATES) as Fate[])
        .filter((fate) => rows.has(fate))
        .map((fate) => (
          <label key={fate}>
            <input
              type="checkbox"
              checked={chosen.includes(fate)}
              onChange={({ currentTarget: { checked } }) =>
                change(
                  choose(
                    selection,
                    'outcome',
                    checked ? [...chosen, fate] : chosen.filter((other) => other !== fate),
                  ),
                )
              }
            />
            <span aria-hidden="true">{FATES[fate].sign}</span> {FATES[fate].words}{' '}
            <span class="rows">{rows.get(fate)}</span>
          </label>
        ))}
    </fieldset>
  );
}

/** Nothing where there is nothing to choose. */
function FacetSelect({
  title,
  choices,
  chosen,
  choose,
}: {
  readonly title: string;
  readonly choices: readonly Choice[];
  readonly chosen: string;
  readonly choose: (value: string) => void;
}) {
  if (choices.length < 2 && chosen === '') return null;
  return (
    <label>
      <span class="name">{title}</span>
      <select value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">any</option>
        {choices.map(({ value, rows }) => (
          <option key={value} value={value}>
            {visible(value)} ({rows})
          </option>
        ))}
      </select>
    </label>
  );
}
