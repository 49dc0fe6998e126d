/** What an attempt can come to, in the order in which it is stacked. */
export const OUTCOMES = [
  ['resolved', 'resolved', 'resolved'],
  ['unresolved', 'unresolved', 'unresolved'],
  ['invalid', 'invalid patch', 'invalid'],
  ['infra_error', "machine's fault", 'infra'],
  ['missing', 'no verdict yet', 'missing'],
  ['no_prediction', 'no prediction', 'missing'],
] as const;

export type OutcomeName = (typeof OUTCOMES)[number][0];

/** Lines of a tile of 8 x 8, so that outcomes differ without their colours; resolved is plain. */
const HATCHES: Readonly<Record<OutcomeName, string>> = {
  resolved: '',
  unresolved: 'M-2 2L2 -2M0 8L8 0M6 10L10 6',
  invalid: 'M0 0H8M0 4H8',
  infra_error: 'M0 0L8 8M8 0L0 8',
  missing: 'M3 3h2v2h-2z',
  no_prediction: '',
};

/** The patterns of a chart. */
export function Patterns({ id }: { readonly id: string }) {
  return (
    <defs>
      {OUTCOMES.map(([name, , colour]) => (
        <pattern key={name} id={`${id}-${name}`} width={8} height={8} patternUnits="userSpaceOnUse">
          <rect width={8} height={8} class={name === 'resolved' ? 'c-resolved' : `c-${colour} c-soft`} />
          {HATCHES[name] !== '' && <path d={HATCHES[name]} class={`c-hatch c-stroke-${colour}`} />}
        </pattern>
      ))}
    </defs>
  );
}

interface BoxProps {
  readonly id: string;
  readonly name: OutcomeName;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A box in the pattern of an outcome. */
export function OutcomeBox({ id, name, ...box }: BoxProps) {
  const colour = OUTCOMES.find(([one]) => one === name)?.[2] ?? 'missing';
  return (
    <g>
      <rect {...box} class="c-ground" />
      <rect {...box} fill={`url(#${id}-${name})`} />
      <rect {...box} class={`c-box c-stroke-${colour}`} />
    </g>
  );
}
