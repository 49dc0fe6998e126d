import { describe, expect, it } from '@jest/globals';
import { resolveDapo } from '../../plugins/dapo/config.js';
import { resolveRft } from '../../plugins/rft/config.js';

const BASE = {
  dataset: { name: 'swe-rebench', selection: { limit: 10 } },
  model: { folder: '/models/qwen' },
  output: { folder: 'runs/x' },
};
const stage1 = (more: object = {}) => ({ preset: 'golubev2025-stage1', ...BASE, ...more });
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
};

describe('the settings of a training', () => {
  it('have the numbers of table 3 of the paper, by the presets', () => {
    expect(resolveDapo(stage1()).settings).toMatchObject({
      episode: { turns: 40, contextTokens: 65536 },
      algorithm: {
        problems: 300,
        group: 10,
        batch: 128,
        epochs: 1,
        turnThreshold: 10,
        clipLow: 0.2,
        clipHigh: 0.3,
      },
      optimizer: {
        learningRate: 1e-6,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weightDecay: 0.1,
        gradientClip: 1,
      },
    });
    const stage2 = { preset: 'golubev2025-stage2', ...BASE, algorithm: { history: ['runs/stage1'] } };
    expect(resolveDapo(stage2).settings).toMatchObject({
      model: { yarn: 4 },
      episode: { turns: 80, contextTokens: 131072 },
      algorithm: { problems: 100, group: 10, batch: 256, clipLow: 0.2, clipHigh: 0.26, solvedAt: 2 / 3 },
    });
    expect(resolveRft({ preset: 'golubev2025-rft', ...BASE }).settings).toMatchObject({
      rollouts: { samples: 10, demonstration: true },
      algorithm: { batch: 64, epochs: 1, maskFormatErrors: true, verdict: 'strict' },
      optimizer: { learningRate: 5e-6, warmupSteps: 10, decay: 'cosine', weightDecay: 0.1 },
    });
  });

  it('are the configuration first, then the preset, then the defaults, and say which', () => {
    const { settings, sources } = resolveDapo(stage1({ algorithm: { group: 4 } }));
    expect(settings.algorithm.group).toBe(4);
    expect(sources['algorithm.group']?.source).toBe('the configuration');
    expect(sources['algorithm.batch']?.source).toBe('arXiv 2508.03501, table 3');
    expect(sources['algorithm.delta']?.source).toContain('ours: ');
    expect(Object.keys(sources).indexOf('seed')).toBeGreaterThan(0);
  });

  it('lose a value that is set to null', () => {
    const { settings } = resolveDapo({
      preset: 'golubev2025-stage2',
      ...BASE,
      model: { ...BASE.model, yarn: null },
      algorithm: { solvedAt: null },
    });
    expect(settings.model.yarn).toBeUndefined();
    expect(settings.algorithm.solvedAt).toBeUndefined();
  });

  it.each([
    [stage1({ algorithm: { groop: 4 } }), 'algorithm.groop is unknown (did you mean group?)'],
    [stage1({ optimizer: { learning_rate: 1 } }), 'did you mean learningRate?'],
    [stage1({ zzz: 1 }), 'zzz is unknown (known: dataset, model,'],
    [stage1({ model: { folder: 'x', congif: {} } }), 'model.congif is unknown (did you mean config?)'],
    [stage1({ optimizer: 3 }), 'optimizer is a section, got 3'],
    [
      stage1({ algorithm: { group: 1 } }),
      'field "algorithm.group" must be episodes of each problem (G), 2 or more, got 1',
    ],
    [
      stage1({ algorithm: { advantage: 'best' } }),
      'field "algorithm.advantage" must be one of grpo, dr_grpo, rloo, max_rl',
    ],
    [{ ...BASE, preset: 'golubev' }, 'preset: "golubev" is none of golubev2025-stage1, golubev2025-stage2'],
    [BASE, 'is missing'],
    ['text', 'it is no object'],
  ])('are refused with words that name the setting: %#', (config, words) => {
    expect(messageOf(() => resolveDapo(config))).toContain(words);
  });

  it.each([
    [{ episode: { turns: 10 } }, 'turnThreshold (10) must be below episode.turns (10)'],
    [{ algorithm: { lossNorm: 'constant' } }, 'algorithm.constantLength goes with'],
    [{ algorithm: { constantLength: 5 } }, 'algorithm.constantLength goes with'],
    [
      {
        trainer: { kind: 'tinker', url: 'http://x' },
        policy: { kind: 'tinker' },
        algorithm: { dualClip: 3 },
      },
      'the losses of Tinker have none',
    ],
    [
      {
        trainer: { kind: 'tinker', url: 'http://x' },
        policy: { kind: 'tinker' },
        algorithm: { ratioLevel: 'sequence' },
      },
      'token ratios only',
    ],
    [{ trainer: { kind: 'tinker', url: 'http://x' } }, 'policy.kind embedded is the local trainer itself'],
    [{ trainer: { kind: 'tinker' }, policy: { kind: 'tinker' } }, 'trainer.kind tinker needs trainer.url'],
    [{ policy: { kind: 'vllm' } }, 'policy.kind vllm needs policy.url'],
    [{ policy: { kind: 'tinker' } }, 'policy.kind tinker needs trainer.kind tinker'],
    [
      { policy: { maxTokens: 65536 } },
      'policy.maxTokens (65536) must be below episode.contextTokens (65536)',
    ],
    [{ algorithm: { surrogate: 'cispo', dualClip: 3 } }, 'cispo has no use for it'],
    [{ algorithm: { solvedAt: 0.5 } }, 'algorithm.solvedAt and algorithm.history go together'],
    [{ model: { config: {} } }, 'model.config and model.tokenizer go together'],
    [{ model: { folder: 'a', config: {}, tokenizer: 'b' } }, 'one of folder and config'],
    [{ model: {} }, 'one of folder and config'],
  ])('must not contradict themselves: %j', (more, words) => {
    expect(messageOf(() => resolveDapo(stage1(more)))).toContain(words);
  });

  it('name every contradiction at once', () => {
    const words = messageOf(() =>
      resolveDapo(stage1({ episode: { turns: 5 }, algorithm: { lossNorm: 'constant' } })),
    );
    expect(words).toContain('turnThreshold');
    expect(words).toContain('constantLength');
  });

  it.each([
    [{ algorithm: { problems: 4, group: 4, batch: 17 } }, 'each iteration is one smaller step'],
    [{ algorithm: { ratioLevel: 'sequence', lossNorm: 'sequence' } }, 'nothing is clipped'],
    [{ algorithm: { ratioLevel: 'sequence', clipLow: 3e-4, clipHigh: 4e-4 } }, 'GSPO means over episodes'],
    [{ algorithm: { signalOn: 'final_reward' } }, 'nearly all'],
  ])('may be unusual, with a warning: %j', (more, words) => {
    const { warnings } = resolveDapo(stage1(more));
    expect(warnings).toEqual([expect.stringContaining(words)]);
  });

  it('of the paper have no warnings', () => {
    expect(resolveDapo(stage1()).warnings).toEqual([]);
  });
});
