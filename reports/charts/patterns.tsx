import { FATES, type Fate } from '../html/fates.js';

/** Fates of attempts in the order in which they are stacked. */
export const FATE_NAMES = Object.keys(FATES) as readonly Fate[];

const COLOUR: Readonly<Record<Fate, string>> = {
  ...{ resolved: 'resolved', unresolved: 'unresolved', invalid: 'invalid' },
  ...{ infra_error: 'infra', missing: 'missing', no_prediction: 'missing' },
};

/** Lines of a tile of 8 x 8, so that outcomes differ without their colours; resolved is plain. */
const HATCHES: Readonly<Record<Fate, string>> = {
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
      {FATE_NAMES.map((name) => (
        <pattern key={name} id={`${id}-${name}`} width={8} height={8} patternUnits="userSpaceOnUse">
          <rect
            width={8}
            height={8}
            class={name === 'resolved' ? 'c-resolved' : `c-${COLOUR[name]} c-soft`}
          />
          {HATCHES[name] !== '' && <path d={HATCHES[name]} class={`c-hatch c-stroke-${COLOUR[name]}`} />}
        </pattern>
      ))}
    </defs>
  );
}

interface BoxProps {
  readonly id: string;
  readonly name: Fate;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A box in the pattern of an outcome. */
export function OutcomeBox({ id, name, ...box }: BoxProps) {
  return (
    <g>
      <rect {...box} class="c-ground" />
      <rect {...box} fill={`url(#${id}-${name})`} />
      <rect {...box} class={`c-box c-stroke-${COLOUR[name]}`} />
    </g>
  );
}
