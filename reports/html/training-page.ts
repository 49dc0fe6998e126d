import { isObject, mean, passAtK, standardError } from '../../src/index.js';
import type { TrainingPage, TrainingPoint } from './model.js';

/** A training as its folder has it. */
interface TrainingFolder {
  readonly name: string;
  /** `settings.json`. */
  readonly settings: unknown;
  /** ISO 8601. */
  readonly generatedAt: string;
}

/** An iteration of DAPO, as in the journal. */
interface Iteration {
  readonly iteration: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
  /** By instance. */
  readonly outcomes: Readonly<Record<string, { readonly resolved: number; readonly scored: number }>>;
  readonly alarms: TrainingPoint['alarms'];
  readonly seconds: { readonly rollouts: number; readonly training: number };
  readonly saved: boolean;
}

/** A line of the journal of rejection fine-tuning. */
type RftLine =
  | { readonly type: 'selected'; readonly steps: TrainingPage['selection'] }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly learningRate: number;
      readonly gradientNorm: number | null;
      readonly loss: number;
      readonly tokens: number;
    }
  | { readonly type: 'saved'; readonly step: number };

/** The page of a training by DAPO. */
export function dapoPage(folder: TrainingFolder, iterations: readonly Iteration[]): TrainingPage {
  const k = largestK(iterations);
  return {
    ...headOf(folder, 'dapo'),
    unit: 'iteration',
    points: iterations.map(({ iteration, metrics, counts, outcomes, alarms, seconds, saved }) => {
      const { groups = 0, kept = 0 } = counts;
      return {
        at: iteration,
        metrics: {
          ...metrics,
          ...acrossProblems(Object.values(outcomes), k),
          ...(groups === 0 ? {} : { 'signal/kept': kept / groups }),
          'seconds/rollouts': seconds.rollouts,
          'seconds/training': seconds.training,
        },
        alarms: alarms.map(({ name, words }) => ({ name, words })),
        saved,
      };
    }),
    ...(k < 2 ? {} : { k }),
    selection: [],
  };
}

/** The page of a rejection fine-tuning. */
export function rftPage(folder: TrainingFolder, lines: readonly RftLine[]): TrainingPage {
  const saved = new Set(lines.flatMap((line) => (line.type === 'saved' ? [line.step] : [])));
  const steps = new Map(lines.flatMap((line) => (line.type === 'step' ? [[line.step, line] as const] : [])));
  return {
    ...headOf(folder, 'rft'),
    unit: 'step',
    points: [...steps.values()].map(({ step, loss, gradientNorm, learningRate, tokens }) => ({
      at: step,
      metrics: {
        'train/loss': loss,
        ...(gradientNorm === null ? {} : { 'train/gradient_norm': gradientNorm }),
        'train/learning_rate': learningRate,
        'train/tokens': tokens,
      },
      alarms: [],
      saved: saved.has(step),
    })),
    selection: lines
      .flatMap((line) => (line.type === 'selected' ? line.steps : []))
      .map(({ words, dropped, left }) => ({ words, dropped, left })),
  };
}

type Head = Pick<TrainingPage, 'kind' | 'schemaVersion' | 'name' | 'method' | 'settings' | 'generatedAt'>;

function headOf({ name, settings, generatedAt }: TrainingFolder, method: TrainingPage['method']): Head {
  return { kind: 'training', schemaVersion: 1, name, method, settings: flat(settings), generatedAt };
}

/** Pass@10 is what papers plot; of smaller groups that of all their attempts. */
const MOST_K = 10;

function largestK(iterations: readonly Iteration[]): number {
  const scored = iterations.flatMap(({ outcomes }) => Object.values(outcomes).map((one) => one.scored));
  return scored.reduce((most, one) => Math.max(most, Math.min(one, MOST_K)), 0);
}

/** Pass@k over the problems that were tried as often, and the standard error of Pass@1 over problems. */
function acrossProblems(
  outcomes: readonly { readonly resolved: number; readonly scored: number }[],
  k: number,
): Readonly<Record<string, number>> {
  const enough = outcomes.filter(({ scored }) => scored >= k);
  const error = standardError(
    outcomes.flatMap(({ resolved, scored }) => (scored === 0 ? [] : [resolved / scored])),
  );
  return {
    ...(k < 2 || enough.length === 0
      ? {}
      : {
          'rollout/pass_at_k': mean(
            enough.map(({ resolved, scored }) => passAtK({ n: scored, c: resolved, k })),
          ),
        }),
    ...(error === undefined ? {} : { 'rollout/pass_at_1_error': error }),
  };
}

/** Settings by their path. */
function flat(value: unknown, path: readonly string[] = []): TrainingPage['settings'] {
  if (isObject(value)) return Object.entries(value).flatMap(([key, one]) => flat(one, [...path, key]));
  return path.length === 0 ? [] : [{ name: path.join('.'), value: JSON.stringify(value) }];
}
