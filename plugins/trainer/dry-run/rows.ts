import type { Static } from 'typebox';
import type { EpisodeSection, ModelSection, OutputSection, TrainerSection } from '../sections.js';
import { checkpointBytes, forwardOperations, keyValueBytes, trainerMemory } from './memory.js';
import { type ModelShape, shapeOf } from './shape.js';

/** A number that a configuration implies. */
export interface EstimateRow {
  readonly part: 'iteration' | 'run' | 'sandboxes' | 'trainer' | 'policy' | 'disk';
  readonly name: string;
  readonly value: number;
  readonly unit: 'bytes' | 'operations' | 'count';
  /** How it is computed, or what is assumed. */
  readonly how: string;
}

export interface Estimate {
  readonly rows: readonly EstimateRow[];
  readonly warnings: readonly string[];
}

/** What a dry run is told beside the configuration. */
export interface Assumed {
  /** Tokens of an episode, prompt and observations included; default: half the context. */
  readonly meanTokens?: number;
  /** Problems that there are. */
  readonly pool: number;
  /** `config.json` of the model, where one can see it. */
  readonly modelConfig?: unknown;
  /** Passes in bfloat16 (CUDA). */
  readonly half: boolean;
}

export interface EstimateParts {
  readonly model: Static<typeof ModelSection>;
  readonly trainer: Static<typeof TrainerSection>;
  readonly episode: Static<typeof EpisodeSection>;
  readonly output: Static<typeof OutputSection>;
}

/** What an agent's sandbox asks for: arXiv 2508.03501, appendix D. */
const CPUS = 0.5;
const SANDBOX_BYTES = 2 * 2 ** 30;

export const row = (
  part: EstimateRow['part'],
  name: string,
  value: number,
  how: string,
  unit: EstimateRow['unit'] = 'count',
): EstimateRow => ({ part, name, value, unit, how });

/** Tokens of an episode that are counted with. */
export const meanTokensOf = ({ episode }: EstimateParts, { meanTokens }: Assumed): number =>
  meanTokens ?? episode.contextTokens / 2;

/** What `episodes` that are played at once need of machines. */
export function sandboxRows({ episode }: EstimateParts, episodes: number): readonly EstimateRow[] {
  const atOnce = Math.min(episodes, episode.sandboxes ?? episodes);
  return [
    row(
      'sandboxes',
      'at once',
      atOnce,
      episode.sandboxes === undefined ? 'all episodes' : 'episode.sandboxes',
    ),
    row('sandboxes', 'CPUs', atOnce * CPUS, `${CPUS} each, as the paper's (appendix D)`),
    row('sandboxes', 'memory', atOnce * SANDBOX_BYTES, "2 GiB each, as the paper's (appendix D)", 'bytes'),
  ];
}

/** Memory of the trainer's processes and of the policy, and the disk of checkpoints; `trainedTokens`: those that are trained on, for the operations of `part`. */
export function modelRows(
  parts: EstimateParts,
  assumed: Assumed,
  {
    episodes,
    trainedTokens,
    passes,
  }: { readonly episodes: number; readonly trainedTokens: number; readonly passes: Passes },
): Estimate {
  const shape = shapeOf(assumed.modelConfig);
  if (typeof shape === 'string') return { rows: [], warnings: [`Memory is not estimated: ${shape}.`] };
  const { model, trainer, episode, output } = parts;
  const { half } = assumed;
  const { processes } = trainer;
  const tokens = Math.max(model.microBatchTokens, episode.contextTokens);
  const memory = trainerMemory(shape, { ...model, processes, half, tokens });
  const perToken = keyValueBytes(shape, half);
  const atOnce = Math.min(episodes, episode.sandboxes ?? episodes);
  const length = meanTokensOf(parts, assumed);
  const bytes = (part: EstimateRow['part'], name: string, value: number, how: string) =>
    row(part, name, value, how, 'bytes');
  const each = processes === 1 ? '' : `, over ${processes} processes`;
  const rows = [
    row('trainer', 'parameters', shape.parameters, 'from the configuration of the model'),
    bytes('trainer', 'weights of a process', memory.weights, `float32${each}`),
    bytes('trainer', 'gradients of a process', memory.gradients, `float32${each}`),
    bytes('trainer', 'optimizer of a process', memory.optimizer, `two moments in float32${each}`),
    bytes(
      'trainer',
      'activations of a process',
      memory.activations,
      `${tokens} tokens at once (the longest episode, or microBatchTokens), ${model.checkpointing ? 'inputs of layers and one layer' : 'all layers'}; an estimate`,
    ),
    bytes(
      'trainer',
      'gathered in a process',
      memory.gathered,
      'two layers and the embedding from all shards',
    ),
    bytes('trainer', 'total of a process', memory.total, 'the sum'),
    row(
      'trainer',
      'operations',
      trainedTokens * forwardOperations(shape, length) * forwards(passes, model.checkpointing),
      `of ${passes.words}, at most; a backward pass is two forward passes`,
      'operations',
    ),
    bytes('policy', 'weights', shape.parameters * (half ? 2 : 4), half ? 'bfloat16' : 'float32'),
    bytes('policy', 'keys and values of an episode', perToken * episode.contextTokens, 'of the longest'),
    bytes(
      'policy',
      'keys and values of all',
      perToken * length * atOnce,
      `${atOnce} episodes of ${length} tokens`,
    ),
    bytes(
      'disk',
      'checkpoints',
      checkpointBytes(shape, half) * (output.keepCheckpoints + 1),
      `${output.keepCheckpoints}, and one that is being written`,
    ),
  ];
  return { rows, warnings: contextWarnings(shape, parts) };
}

/** How often the tokens go through the model. */
export interface Passes {
  /** Without a backward pass. */
  readonly scored: number;
  readonly trained: number;
  readonly words: string;
}

const forwards = ({ scored, trained }: Passes, checkpointing: boolean) =>
  scored + trained * (checkpointing ? 4 : 3);

function contextWarnings({ positions }: ModelShape, { model, episode }: EstimateParts): readonly string[] {
  const reach = positions * (model.yarn ?? 1);
  return episode.contextTokens <= reach
    ? []
    : [
        `episode.contextTokens (${episode.contextTokens}) is more than the model's ${positions} positions${model.yarn === undefined ? '' : ` x YaRN ${model.yarn}`}: set model.yarn to ${Math.ceil(episode.contextTokens / positions)}.`,
      ];
}

/** The rows as text in columns. */
export function estimateTable({ rows, warnings }: Estimate): string {
  const cells = rows.map(({ part, name, value, unit, how }) => [part, name, shownNumber(value, unit), how]);
  const width = (column: number) => Math.max(...cells.map((line) => line[column]?.length ?? 0));
  const [part, name, value] = [width(0), width(1), width(2)];
  const lines = cells.map(
    ([a = '', b = '', c = '', d = '']) => `${a.padEnd(part)}  ${b.padEnd(name)}  ${c.padStart(value)}  ${d}`,
  );
  return [...lines, ...warnings.map((words) => `warning: ${words}`)].join('\n');
}

function shownNumber(value: number, unit: EstimateRow['unit']): string {
  if (unit === 'operations') return value.toExponential(2);
  if (unit === 'count') return grouped(value);
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${grouped(Number((value / 2 ** (10 * power)).toFixed(power < 3 ? 0 : 2)))} ${units[power]}`;
}

const grouped = (value: number) => {
  const [whole = '', rest] = String(value).split('.');
  return whole.replaceAll(/\B(?=(\d{3})+$)/g, ',') + (rest === undefined ? '' : `.${rest}`);
};
