/** Colours as in the page's base.css: for light and for dark surfaces. */
export const COLOURS = {
  surface: ['#ffffff', '#14171c'],
  line: ['#d5d9e0', '#39404b'],
  text: ['#1b1f27', '#e8eaee'],
  muted: ['#565d6b', '#a5adba'],
  accent: ['#1f4fbf', '#8fb3ff'],
  resolved: ['#00694c', '#5fd3ab'],
  unresolved: ['#a13d00', '#ffa071'],
  invalid: ['#8a2f6b', '#eda3d3'],
  infra: ['#7a5200', '#f0c05a'],
  missing: ['#565d6b', '#a5adba'],
} as const satisfies Readonly<Record<string, readonly [light: string, dark: string]>>;

type Colour = keyof typeof COLOURS;

/** Colours of lines, the first ones first. */
const SERIES: readonly Colour[] = ['accent', 'unresolved', 'resolved', 'invalid', 'infra'];
const FILLS: readonly Colour[] = ['resolved', 'unresolved', 'invalid', 'infra', 'missing', 'accent'];

/** Rules of charts that stand in a page with base.css. */
export const PAGE_STYLE = rules((name) => `var(--${name})`);

/** Rules of a chart that stands alone in a file. */
export const FILE_STYLE = [
  rules((name) => COLOURS[name][0]),
  `@media screen and (prefers-color-scheme: dark) { ${paint((name) => COLOURS[name][1])} }`,
].join('\n');

function rules(colour: (name: Colour) => string): string {
  return [
    '.chart { display: block; max-width: 100%; height: auto; }',
    '.chart text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; unicode-bidi: isolate; }',
    '.chart .c-title { font-size: 14px; font-weight: 600; }',
    '.chart .c-strong { font-weight: 600; }',
    '.chart .c-end { text-anchor: end; } .chart .c-mid { text-anchor: middle; }',
    '.chart .c-on { paint-order: stroke; stroke-width: 3px; stroke-linejoin: round; }',
    '.chart .c-grid { stroke-width: 1; } .chart .c-rule { stroke-width: 1; stroke-dasharray: 4 3; }',
    '.chart .c-soft { fill-opacity: 0.18; }',
    '.chart .c-whisker { fill: none; stroke-width: 2; } .chart .c-line { fill: none; stroke-width: 2; stroke-linejoin: round; }',
    '.chart .c-hatch { fill: none; stroke-width: 1.5; } .chart .c-box { fill: none; stroke-width: 1; }',
    '.chart .c-dash1 { stroke-dasharray: 7 3; } .chart .c-dash2 { stroke-dasharray: 2 3; } .chart .c-dash3 { stroke-dasharray: 8 3 2 3; } .chart .c-dash4 { stroke-dasharray: 4 2; }',
    paint(colour),
  ].join('\n');
}

function paint(colour: (name: Colour) => string): string {
  return [
    `.chart text { fill: ${colour('text')}; } .chart .c-muted { fill: ${colour('muted')}; }`,
    `.chart .c-ground, .chart .c-inverse { fill: ${colour('surface')}; } .chart .c-on { stroke: ${colour('surface')}; }`,
    `.chart .c-grid { stroke: ${colour('line')}; } .chart .c-rule, .chart .c-tick { stroke: ${colour('muted')}; }`,
    ...FILLS.map(
      (name) =>
        `.chart .c-${name} { fill: ${colour(name)}; } .chart .c-stroke-${name} { stroke: ${colour(name)}; }`,
    ),
    ...SERIES.map(
      (name, at) =>
        `.chart .c-series${at} { stroke: ${colour(name)}; } .chart .c-dot${at}, .chart text.c-dot${at} { fill: ${colour(name)}; }`,
    ),
  ].join('\n');
}
