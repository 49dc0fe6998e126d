import { count, figure } from '../format.js';
import type { TrainingPage } from '../html/model.js';
import type { Chart } from './chart.js';
import { Lines, type Series } from './lines.js';
import { NUMBERS, SHARES, type Values } from './values.js';

/** A figure over the points of a training. */
interface Plot {
  readonly id: string;
  readonly title: string;
  readonly values: Values;
  /** Metrics with their names in the figure. */
  readonly lines: readonly (readonly [metric: string, name: string])[];
  /** Names of alarms that are marked in it. */
  readonly alarms: readonly string[];
  /** The axis begins where the values do. */
  readonly fromValues?: boolean;
}

const share = (id: string, title: string, lines: Plot['lines'], alarms: Plot['alarms'] = []): Plot => ({
  ...{ id, title, lines, alarms, values: SHARES },
});
const number = (id: string, title: string, lines: Plot['lines'], alarms: Plot['alarms'] = []): Plot => ({
  ...{ id, title, lines, alarms, values: NUMBERS },
});

/** The figures of arXiv 2508.03501 first, then what tells a training that goes well from one that doesn't. */
function plotsOf({ k }: TrainingPage): readonly Plot[] {
  const passAtK: Plot['lines'] = k === undefined ? [] : [['rollout/pass_at_k', `Pass@${k}`]];
  const rates = ['Pass@1', ...passAtK.map(([, name]) => name)].join(' and ');
  return [
    share('pass-at-1', `${rates} of the rollouts, in %`, [['rollout/pass_at_1', 'Pass@1'], ...passAtK]),
    {
      ...number('reward', 'Mean reward of an episode', [['rollout/reward', 'reward']]),
      fromValues: true,
    },
    number('turns', 'Turns of an episode', [['rollout/turns', 'turns']], ['turns']),
    share(
      'endings',
      'How episodes end, in % of them',
      [
        ['rollout/submitted', 'submitted'],
        ['rollout/cut_off', 'cut off'],
      ],
      ['cut_off'],
    ),
    share(
      'clipped',
      'Tokens whose ratio was clipped, in %',
      [
        ['train/clipped_low', 'below'],
        ['train/clipped_high', 'above'],
        ['train/clipped_dual', 'dual'],
      ],
      ['clipped_low', 'clipped_high', 'clipped_dual'],
    ),
    share('signal', 'Groups with a signal, in %', [['signal/kept', 'kept']], ['zero_signal', 'no_step']),
    share(
      'habits',
      'Format errors and repeated commands, in % of turns',
      [
        ['rollout/format_errors', 'format'],
        ['rollout/repeated_commands', 'repeated'],
      ],
      ['format_errors'],
    ),
    share(
      'lost',
      'Loops and episodes without a score, in % of episodes',
      [
        ['rollout/loops', 'loops'],
        ['rollout/unscorable', 'no score'],
      ],
      ['loops', 'unscorable'],
    ),
    { ...number('loss', 'Loss', [['train/loss', 'loss']]), fromValues: true },
    number(
      'entropy',
      'Entropy, in nats per token',
      [['train/entropy', 'entropy']],
      ['entropy_collapse', 'entropy_explosion'],
    ),
    number('gradient-norm', 'Norm of the gradient', [['train/gradient_norm', 'norm']], ['gradient_norm']),
    number(
      'kl',
      'KL of the weights before an iteration to those trained, in nats per token',
      [['train/kl_old', 'KL']],
      ['kl_old'],
    ),
    number(
      'mismatch',
      'Trainer against policy server, mean |log p - log p| per token',
      [['train/mismatch_abs', 'mismatch']],
      ['mismatch_abs', 'mismatch_kl', 'tis_capped', 'non_finite'],
    ),
    number('learning-rate', 'Learning rate', [['train/learning_rate', 'rate']]),
    number('seconds', 'Time of an iteration, in seconds', [
      ['seconds/rollouts', 'rollouts'],
      ['seconds/training', 'training'],
    ]),
  ];
}

/** What of a training can be seen over its iterations or steps; figures without any value are left out. */
export function trainingCharts(page: TrainingPage): readonly Chart[] {
  const { points, unit } = page;
  return plotsOf(page).flatMap(({ id, title, values, lines, alarms, fromValues = false }) => {
    const series = lines
      .map(([metric, name]) => seriesOf(page, metric, name))
      .filter((one) => one.points.some(({ y }) => y !== undefined));
    if (series.length === 0) return [];
    const marks = points.flatMap(({ at, alarms: raised }) =>
      raised
        .filter(({ name }) => alarms.includes(name))
        .map(({ words }) => ({ x: at, words: `${unit} ${at}: ${words}` })),
    );
    const message = [...series.map((one) => inWords(one, unit, values)), alarmWords(marks, unit)].join(' ');
    return [
      {
        ...{ id, title },
        draw: (width: number) => (
          <Lines
            caption={{ id, title, message: message.trim(), width }}
            {...{ series, unit, values, marks, fromZero: !fromValues }}
          />
        ),
        table: {
          columns: [unit, ...series.map(({ name }) => name)],
          rows: points.map(({ at }, index) => [
            String(at),
            ...series.map(({ points: own }) => {
              const y = own[index]?.y;
              return y === undefined ? '-' : values.value(y);
            }),
          ]),
        },
      },
    ];
  });
}

function seriesOf({ points }: TrainingPage, metric: string, name: string): Series {
  return {
    name,
    points: points.map(({ at, metrics }) => {
      const y = metrics[metric];
      const error = metrics[`${metric}_error`];
      if (y === undefined || error === undefined) return { x: at, y };
      return { x: at, y, band: [Math.max(0, y - error), Math.min(1, y + error)] as const };
    }),
  };
}

function inWords({ name, points }: Series, unit: string, { value }: Values): string {
  const known = points.flatMap(({ x, y }) => (y === undefined ? [] : [{ x, y }]));
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return '';
  const band = points.some((point) => point.band !== undefined) ? ', band: one standard error' : '';
  const head = name.charAt(0).toUpperCase() + name.slice(1);
  if (first === last) return `${head} ${value(last.y)} at ${unit} ${last.x}${band}.`;
  return `${head} ${value(first.y)} at ${unit} ${first.x}, ${value(last.y)} at ${unit} ${last.x}${band}.`;
}

function alarmWords(marks: readonly { readonly x: number }[], unit: string): string {
  const at = [...new Set(marks.map(({ x }) => x))];
  if (at.length === 0) return '';
  const more = at.length > 5 ? ` and ${at.length - 5} more` : '';
  return `▼ ${count(marks.length, 'alarm')}, at ${unit} ${at.slice(0, 5).map(figure).join(', ')}${more}.`;
}
