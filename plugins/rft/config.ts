import { type Static, Type } from 'typebox';
import { COMMON_DEFAULTS, checkCommon, ours, paper } from '../trainer/defaults.js';
import { type Layer, type Resolved, resolveSettings, type SettingsKind } from '../trainer/resolve.js';
import { COMMON_SECTIONS, OptimizerSection, oneOf } from '../trainer/sections.js';

export const RftConfig = Type.Object({
  ...COMMON_SECTIONS,
  rollouts: Type.Object({
    samples: Type.Integer({ minimum: 1, description: 'episodes of each problem' }),
    demonstration: Type.Boolean({ description: 'true or false' }),
    temperature: Type.Number({ minimum: 0, description: '0 or more' }),
  }),
  algorithm: Type.Object({
    verdict: oneOf(['strict', 'official']),
    duplicates: oneOf(['actions', 'patch', 'keep']),
    maskFormatErrors: Type.Boolean({ description: 'true or false' }),
    epochs: Type.Integer({ minimum: 1, description: 'a whole number from 1' }),
    batch: Type.Integer({ minimum: 1, description: 'episodes of an optimiser step' }),
  }),
  optimizer: Type.Object({
    ...OptimizerSection.properties,
    decay: oneOf(['constant', 'cosine']),
  }),
});
export type RftConfig = Static<typeof RftConfig>;

/** The fine-tuning of arXiv 2508.03501, sections 3.3 and 4.2 and appendix C. */
const GOLUBEV: Layer = {
  'rollouts.samples': paper(10, 'section 4.2'),
  'rollouts.demonstration': paper(true, 'section 3.3'),
  'rollouts.temperature': ours(1, 'not stated; that of the RL rollouts, section 4.3'),
  'episode.turns': ours(40, 'not stated for RFT; T_max of stage 1'),
  'episode.contextTokens': paper(65536, 'section 4.2 (65k)'),
  'algorithm.verdict': ours(
    'strict',
    'the paper has one kind of verdict; ours keeps out what the patch itself decided',
  ),
  'algorithm.duplicates': ours('actions', 'not stated; as arXiv 2308.01825'),
  'algorithm.maskFormatErrors': paper(true, 'section 4.2'),
  'algorithm.epochs': paper(1, 'section 4.2'),
  'algorithm.batch': paper(64, 'appendix C'),
  'optimizer.learningRate': paper(5e-6, 'appendix C'),
  'optimizer.warmupSteps': paper(10, 'appendix C'),
  'optimizer.decay': paper('cosine', 'appendix C'),
  'optimizer.weightDecay': paper(0.1, 'appendix C'),
};

/** How `assay train rft` is set. */
export const RFT: SettingsKind<typeof RftConfig> = {
  schema: RftConfig,
  defaults: COMMON_DEFAULTS,
  presets: { 'golubev2025-rft': GOLUBEV },
  check(settings) {
    const { faults } = checkCommon(settings);
    const warnings =
      settings.rollouts.temperature === 0 && settings.rollouts.samples > 1
        ? ['rollouts.temperature 0 makes all samples of a problem nearly the same.']
        : [];
    return { faults, warnings };
  },
};

/** Full settings of a fine-tuning; throws `usage`. */
export const resolveRft = (config: unknown): Resolved<RftConfig> => resolveSettings(config, RFT);
