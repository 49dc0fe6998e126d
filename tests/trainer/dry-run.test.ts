import { describe, expect, it } from '@jest/globals';
import { resolveDapo } from '../../plugins/dapo/config.js';
import { estimateDapo } from '../../plugins/dapo/dry-run.js';
import { resolveRft } from '../../plugins/rft/config.js';
import { estimateRft } from '../../plugins/rft/dry-run.js';
import {
  checkpointBytes,
  forwardOperations,
  keyValueBytes,
  loraParameters,
  trainerMemory,
} from '../../plugins/trainer/dry-run/memory.js';
import { type Estimate, type EstimateRow, estimateTable } from '../../plugins/trainer/dry-run/rows.js';
import { type ModelShape, shapeOf } from '../../plugins/trainer/dry-run/shape.js';

/** `config.json` of Qwen2.5-72B-Instruct. */
const QWEN_72B = {
  model_type: 'qwen2',
  num_hidden_layers: 80,
  hidden_size: 8192,
  intermediate_size: 29568,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  vocab_size: 152064,
  max_position_embeddings: 32768,
  tie_word_embeddings: false,
};
const QWEN3_06B = {
  model_type: 'qwen3',
  num_hidden_layers: 28,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  vocab_size: 151936,
  max_position_embeddings: 40960,
  tie_word_embeddings: true,
};
const TINY = {
  model_type: 'llama',
  num_hidden_layers: 2,
  hidden_size: 8,
  intermediate_size: 16,
  num_attention_heads: 2,
  vocab_size: 100,
  max_position_embeddings: 64,
};
const shape = (config: object) => shapeOf(config) as ModelShape;
const BASE = {
  dataset: { name: 'd' },
  model: { folder: 'm' },
  output: { folder: 'o' },
};
const numberOf = ({ rows }: Estimate, part: EstimateRow['part'], name: string) =>
  rows.find((one) => one.part === part && one.name === name)?.value;

describe('the shape of a model', () => {
  it.each([
    // 2 x 152064 x 8192 + 80 x 877,684,736 + 8192; the model card says 72.7 billion.
    [QWEN_72B, 72_706_203_648],
    // 151936 x 1024 + 28 x 15,730,944 + 1024; the model card says 0.6 billion, 0.44 without the embedding.
    [QWEN3_06B, 596_049_920],
    // 2 x 800 + 2 x (4 x 64 + 3 x 128 + 16) + 8
    [TINY, 2920],
  ])('has as many parameters as counted by hand: %#', (config, expected) => {
    expect(shape(config).parameters).toBe(expected);
  });

  it.each([
    [{ ...TINY, num_experts: 4 }, 'experts'],
    [{ ...TINY, hidden_size: undefined }, 'no hidden_size'],
    [undefined, 'no configuration'],
  ])('is not told where it can not be: %#', (config, words) => {
    expect(shapeOf(config)).toContain(words);
  });
});

describe('memory', () => {
  const options = { processes: 1, half: true, checkpointing: true, tokens: 0 };

  it('of the trainer is 16 bytes a parameter, spread over the processes', () => {
    const one = trainerMemory(shape(QWEN_72B), options);
    expect(one.weights).toBe(72_706_203_648 * 4);
    expect(one.gradients).toBe(72_706_203_648 * 4);
    expect(one.optimizer).toBe(72_706_203_648 * 8);
    // 128 GPUs: 8.46 GiB of the 1,083 GiB on each
    const many = trainerMemory(shape(QWEN_72B), { ...options, processes: 128 });
    expect(many.weights + many.gradients + many.optimizer).toBe((72_706_203_648 * 16) / 128);
    // Two layers of 877,684,736 and an embedding of 1,245,708,288
    expect(many.gathered).toBe((2 * 877_684_736 + 1_245_708_288) * 4);
  });

  it('of activations is one input per layer and one layer with checkpointing, all layers without', () => {
    // Chunks of logits: 2 x 2^25 x 4
    const chunks = 268_435_456;
    const float32 = { ...options, half: false, tokens: 10 };
    // A layer: 2 x 8 x 4 + 4 x (4 x 8 + 3 x 8 + 3 x 8 + 4 x 16) = 640 bytes a token; inputs: 2 x 8 x 4 = 64
    expect(trainerMemory(shape(TINY), float32).activations).toBe(10 * (64 + 640) + chunks);
    expect(trainerMemory(shape(TINY), { ...float32, checkpointing: false }).activations).toBe(
      10 * 2 * 640 + chunks,
    );
    // In bfloat16: 64 + 2 x 144 = 352
    expect(trainerMemory(shape(TINY), { ...float32, half: true }).activations).toBe(10 * (64 + 352) + chunks);
  });

  it('of a LoRA has gradients and moments of its factors only', () => {
    // Per layer and rank: 4 maps of 8 to 8, 3 of 8 and 16: 4 x 16 + 3 x 24 = 136
    expect(loraParameters(shape(TINY), 4)).toBe(2 * 4 * 136);
    const { weights, gradients, optimizer } = trainerMemory(shape(TINY), { ...options, loraRank: 4 });
    expect([weights, gradients, optimizer]).toEqual([(2920 + 1088) * 4, 1088 * 4, 1088 * 8]);
  });

  it('of keys and values is 320 KiB a token for 72B in bfloat16', () => {
    expect(keyValueBytes(shape(QWEN_72B), true)).toBe(327_680);
    expect(keyValueBytes(shape(QWEN3_06B), false)).toBe(2 * 28 * 1024 * 4);
  });

  it('of a checkpoint is 14 bytes a parameter, 12 where passes are in float32', () => {
    expect(checkpointBytes(shape(TINY), true)).toBe(2920 * 14);
    expect(checkpointBytes(shape(TINY), false)).toBe(2920 * 12);
  });
});

it('a forward pass takes two operations for each parameter, and attention over half of the length', () => {
  // 2 x (2 x 656 + 800) + 2 x 2 x 8 x 100
  expect(forwardOperations(shape(TINY), 100)).toBe(4224 + 3200);
});

describe('a dry run', () => {
  const stage1 = resolveDapo({ preset: 'golubev2025-stage1', ...BASE }).settings;

  it('of stage 1 of the paper is 3,000 episodes, 1,500 CPUs and 6,000 GiB', () => {
    const found = estimateDapo(stage1, { pool: 7249, half: true, modelConfig: QWEN_72B });
    expect(numberOf(found, 'iteration', 'episodes')).toBe(3000);
    expect(numberOf(found, 'iteration', 'gradings')).toBe(3000);
    expect(numberOf(found, 'iteration', 'tokens, at most')).toBe(3000 * 65536);
    expect(numberOf(found, 'iteration', 'tokens, assumed')).toBe(3000 * 32768);
    expect(numberOf(found, 'iteration', 'optimizer steps, at least')).toBe(0);
    // 3,000 / 128 = 23.4
    expect(numberOf(found, 'iteration', 'optimizer steps, at most')).toBe(24);
    expect(numberOf(found, 'sandboxes', 'CPUs')).toBe(1500);
    expect(numberOf(found, 'sandboxes', 'memory')).toBe(6000 * 2 ** 30);
    expect(numberOf(found, 'policy', 'keys and values of an episode')).toBe(327_680 * 65536);
    expect(found.warnings).toEqual([
      "episode.contextTokens (65536) is more than the model's 32768 positions: set model.yarn to 2.",
    ]);
  });

  it('of stage 2 of the paper is 1,000 episodes, 500 CPUs and 2,000 GiB, in a context that YaRN reaches', () => {
    const { settings } = resolveDapo({
      preset: 'golubev2025-stage2',
      ...BASE,
      algorithm: { history: ['s1'] },
    });
    const found = estimateDapo(settings, { pool: 2028, half: true, modelConfig: QWEN_72B });
    expect(numberOf(found, 'iteration', 'episodes')).toBe(1000);
    expect(numberOf(found, 'iteration', 'optimizer steps, at most')).toBe(4);
    expect(numberOf(found, 'sandboxes', 'CPUs')).toBe(500);
    expect(numberOf(found, 'sandboxes', 'memory')).toBe(2000 * 2 ** 30);
    expect(found.warnings).toEqual([]);
  });

  it('of the fine-tuning of the paper is 72,490 episodes', () => {
    const { settings } = resolveRft({ preset: 'golubev2025-rft', ...BASE, episode: { sandboxes: 512 } });
    const found = estimateRft(settings, { pool: 7249, half: true });
    expect(numberOf(found, 'run', 'episodes')).toBe(72490);
    expect(numberOf(found, 'sandboxes', 'at once')).toBe(512);
    expect(numberOf(found, 'sandboxes', 'CPUs')).toBe(256);
    // 72,490 / 64 = 1132.7
    expect(numberOf(found, 'run', 'optimizer steps, at most')).toBe(1133);
    expect(found.warnings).toEqual(['Memory is not estimated: the model has no configuration.']);
  });

  it('counts with the problems that there are', () => {
    const found = estimateDapo(stage1, { pool: 20, half: true, modelConfig: QWEN_72B, meanTokens: 100 });
    expect(numberOf(found, 'iteration', 'episodes')).toBe(200);
    expect(numberOf(found, 'iteration', 'tokens, assumed')).toBe(20000);
    expect(numberOf(found, 'run', 'passes over the problems')).toBe(60);
    expect(found.warnings[0]).toContain('algorithm.problems (300) is more than there are');
  });

  it('counts operations: log-probabilities once, and a backward pass with its forward pass twice', () => {
    const tiny = resolveDapo({
      preset: 'golubev2025-stage1',
      ...BASE,
      episode: { contextTokens: 5000 },
      algorithm: { problems: 1, group: 2, batch: 2, epochs: 3 },
    }).settings;
    const found = estimateDapo(tiny, { pool: 9, half: false, modelConfig: TINY, meanTokens: 100 });
    // 2 episodes x 100 tokens x 7,424 x (1 + 3 x 4)
    expect(numberOf(found, 'trainer', 'operations')).toBe(200 * 7424 * 13);
  });

  it('is a table for people', () => {
    const table = estimateTable(estimateDapo(stage1, { pool: 7249, half: true, modelConfig: QWEN_72B }));
    expect(table).toMatch(/^iteration +episodes +3,000 {2}300 problems x 10$/m);
    expect(table).toMatch(/^sandboxes +memory +5\.86 TiB /m);
    expect(table).toMatch(/^trainer +weights of a process +270\.85 GiB /m);
    expect(table).toMatch(/^trainer +parameters +72,706,203,648 /m);
    expect(table).toMatch(/^warning: episode\.contextTokens/m);
  });
});
