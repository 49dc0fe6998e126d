import type { DapoConfig } from '../../plugins/dapo/config.js';
import type { IterationEntry, StepEntry } from '../../plugins/dapo/entries.js';
import type { DapoEvent } from '../../plugins/dapo/train.js';
import type { RftEntry } from '../../plugins/rft/train.js';
import { type Estimate, estimateTable } from '../../plugins/trainer/dry-run/rows.js';
import type { Layer } from '../../plugins/trainer/resolve.js';

const number = (value: number | undefined | null, digits: number) => value?.toFixed(digits) ?? '-';
const percent = (value: number | undefined) => (value === undefined ? '-' : `${(value * 100).toFixed(1)} %`);

/** An event of rejection fine-tuning on a line. */
export function rftLine(entry: RftEntry): string {
  switch (entry.type) {
    case 'selected':
      return `${entry.steps.map(({ name, left }) => `${name} ${left}`).join(', ')}; ${entry.optimizerSteps} optimiser steps`;
    case 'step':
      return `step ${entry.step}: loss ${number(entry.loss, 4)}, gradient ${number(entry.gradientNorm, 3)}, ${entry.tokens} tokens`;
    case 'saved':
      return `step ${entry.step}: saved`;
  }
}

/** An event of DAPO on a line, and one for each alarm. */
export function dapoLines(
  event: DapoEvent,
  { iterations }: Pick<DapoConfig, 'iterations'>,
): readonly string[] {
  const where = `iteration ${event.iteration}/${iterations}`;
  switch (event.type) {
    case 'iteration_start':
      return [`${where}: ${event.problems} problems`];
    case 'step':
      return [
        `${where}: step ${event.step}, loss ${number(event.sums['loss'], 4)}, gradient ${number(event.gradientNorm, 3)}`,
      ];
    case 'iteration': {
      const { counts, metrics, seconds, alarms } = event;
      return [
        `${where}: Pass@1 ${percent(metrics['rollout/pass_at_1'])}, ${counts['kept']} of ${counts['groups']} groups with a signal, ${counts['unscorable']} unscorable, ${number(metrics['rollout/turns'], 1)} turns; rollouts ${number(seconds.rollouts, 0)} s, training ${number(seconds.training, 0)} s`,
        ...alarms.map(({ name, words }) => `alarm ${name}: ${words}`),
      ];
    }
  }
}

/** What is plotted of an iteration. */
export function iterationScalars({ metrics, counts, seconds }: IterationEntry): Record<string, number> {
  const named = (prefix: string, numbers: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`${prefix}/${name}`, value]));
  return { ...metrics, ...named('signal', counts), ...named('seconds', seconds) };
}

/** What is plotted of an optimiser step. */
export function stepScalars({
  sums,
  learningRate,
  gradientNorm,
  episodes,
}: StepEntry): Record<string, number> {
  const { loss = 0, tokens = 0, entropy = 0 } = sums;
  return {
    ...{
      'step/loss': loss,
      'step/tokens': tokens,
      'step/learning_rate': learningRate,
      'step/episodes': episodes,
    },
    ...(gradientNorm === null ? {} : { 'step/gradient_norm': gradientNorm }),
    ...(tokens === 0 ? {} : { 'step/entropy': entropy / tokens }),
  };
}

/** Columns of the page: heading, and the value of an iteration. */
const COLUMNS: readonly (readonly [string, (entry: IterationEntry) => string])[] = [
  ['iter', ({ iteration }) => String(iteration)],
  ['Pass@1', ({ metrics }) => percent(metrics['rollout/pass_at_1'])],
  ['signal', ({ counts }) => `${counts['kept']}/${counts['groups']}`],
  ['unscor.', ({ metrics }) => percent(metrics['rollout/unscorable'])],
  ['turns', ({ metrics }) => number(metrics['rollout/turns'], 1)],
  ['format', ({ metrics }) => percent(metrics['rollout/format_errors'])],
  ['cut off', ({ metrics }) => percent(metrics['rollout/cut_off'])],
  ['loops', ({ metrics }) => percent(metrics['rollout/loops'])],
  ['steps', ({ steps }) => String(steps)],
  ['loss', ({ metrics }) => number(metrics['train/loss'], 4)],
  ['grad', ({ metrics }) => number(metrics['train/gradient_norm'], 3)],
  ['entropy', ({ metrics }) => number(metrics['train/entropy'], 3)],
  ['clip-', ({ metrics }) => percent(metrics['train/clipped_low'])],
  ['clip+', ({ metrics }) => percent(metrics['train/clipped_high'])],
  ['mismatch', ({ metrics }) => metrics['train/mismatch_abs']?.toExponential(1) ?? '-'],
  ['s', ({ seconds }) => number(seconds.rollouts + seconds.training, 0)],
];

/** The last iterations as a table, with the alarms of the last one. */
export function iterationsPage(entries: readonly IterationEntry[], rows: number): string {
  const shown = entries.slice(-rows);
  const table = [
    COLUMNS.map(([name]) => name),
    ...shown.map((entry) => COLUMNS.map(([, read]) => read(entry))),
  ];
  const widths = COLUMNS.map((_, at) => Math.max(...table.map((row) => (row[at] ?? '').length)));
  const lines = table.map((row) => row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  '));
  return [...lines, ...(shown.at(-1)?.alarms ?? []).map(({ name, words }) => `alarm ${name}: ${words}`)].join(
    '\n',
  );
}

/** Settings with where they are from, and what they imply. */
export function dryRunPage(sources: Layer, { rows }: Estimate): string {
  const settings = Object.entries(sources).map(
    ([path, { value, source }]) => `${path.padEnd(28)} ${JSON.stringify(value).padEnd(24)} ${source}`,
  );
  return ['Settings', ...settings, '', 'What they imply', estimateTable({ rows, warnings: [] })].join('\n');
}
