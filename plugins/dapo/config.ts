import { type Static, Type } from 'typebox';
import { COMMON_DEFAULTS, checkCommon } from '../trainer/defaults.js';
import { type Findings, type Resolved, resolveSettings, type SettingsKind } from '../trainer/resolve.js';
import { COMMON_SECTIONS, OptimizerSection, oneOf } from '../trainer/sections.js';
import { ADVANTAGES } from './advantage.js';
import { LOSS_NORMS } from './loss-norm.js';
import { DAPO_DEFAULTS, DAPO_PRESETS } from './presets.js';

const count = (description: string, minimum = 1) => Type.Integer({ minimum, description });
const share = (description: string) => Type.Number({ exclusiveMinimum: 0, maximum: 1, description });

export const DapoConfig = Type.Object({
  ...COMMON_SECTIONS,
  iterations: count('a whole number from 1'),
  algorithm: Type.Object({
    problems: count('problems of an iteration'),
    group: count('episodes of each problem (G), 2 or more', 2),
    batch: count('episodes of an optimiser step'),
    epochs: count('times that each episode is used'),
    split: oneOf(['even', 'last']),
    verdict: oneOf(['strict', 'official']),
    penalty: oneOf(['turns', 'none']),
    turnThreshold: count('turns without a penalty (L_thr)', 0),
    advantage: oneOf(ADVANTAGES),
    delta: Type.Number({ minimum: 0, description: '0 or more' }),
    signalOn: oneOf(['outcome', 'final_reward']),
    overlong: oneOf(['keep', 'mask']),
    lossNorm: oneOf(LOSS_NORMS),
    constantLength: Type.Optional(count('tokens')),
    clipLow: share('over 0, at most 1'),
    clipHigh: Type.Number({ exclusiveMinimum: 0, description: 'a number over 0' }),
    ratioLevel: oneOf(['token', 'sequence']),
    surrogate: oneOf(['clip', 'cispo']),
    dualClip: Type.Optional(Type.Number({ exclusiveMinimum: 1, description: 'a number over 1' })),
    tisCap: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'a number over 0' })),
    /** Problems solved in this share of attempts or more leave the pool, as those never solved do. */
    solvedAt: Type.Optional(share('over 0, at most 1')),
    /** Folders of the training so far, of which the attempts are counted. */
    history: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: 'folders' })),
  }),
  optimizer: OptimizerSection,
});
export type DapoConfig = Static<typeof DapoConfig>;

/** Above this, clipping of sequence ratios does nothing: GSPO has 3e-4 and 4e-4 (arXiv 2507.18071, section 5.1). */
const MOST_SEQUENCE_CLIP = 0.01;

function check(settings: DapoConfig): Findings {
  const { algorithm, episode, trainer } = settings;
  const { problems, group, batch } = algorithm;
  const isSequence = algorithm.ratioLevel === 'sequence';
  const isConstant = algorithm.lossNorm === 'constant';
  const faults: readonly (readonly [isWrong: boolean, words: string])[] = [
    [
      algorithm.penalty === 'turns' && algorithm.turnThreshold >= episode.turns,
      `algorithm.turnThreshold (${algorithm.turnThreshold}) must be below episode.turns (${episode.turns}), or the penalty is never met`,
    ],
    [
      isConstant !== (algorithm.constantLength !== undefined),
      'algorithm.constantLength goes with algorithm.lossNorm constant, and only with it',
    ],
    [
      trainer.kind === 'tinker' && algorithm.dualClip !== undefined,
      'algorithm.dualClip: the losses of Tinker have none; take it away (null) or trainer.kind local',
    ],
    [
      trainer.kind === 'tinker' && isSequence,
      'algorithm.ratioLevel sequence: the losses of Tinker have token ratios only',
    ],
    [
      algorithm.surrogate === 'cispo' && algorithm.dualClip !== undefined,
      'algorithm.dualClip bounds the clipped surrogate: cispo has no use for it',
    ],
    [
      (algorithm.solvedAt === undefined) !== (algorithm.history === undefined),
      'algorithm.solvedAt and algorithm.history go together: give the folders of the training so far, or take solvedAt away (null)',
    ],
  ];
  const warnings: readonly (readonly [isSo: boolean, words: string])[] = [
    [
      batch > problems * group,
      `algorithm.batch (${batch}) is more than all episodes of an iteration (${problems} x ${group}): each iteration is one smaller step.`,
    ],
    [
      isSequence && algorithm.lossNorm === 'batch_tokens',
      'algorithm.ratioLevel sequence with lossNorm batch_tokens: GSPO means over episodes (sequence); long ones weigh more here.',
    ],
    [
      isSequence && Math.max(algorithm.clipLow, algorithm.clipHigh) > MOST_SEQUENCE_CLIP,
      `algorithm.ratioLevel sequence with clips over ${MOST_SEQUENCE_CLIP}: ratios of sequences are that near to 1 that nothing is clipped; GSPO has 3e-4 and 4e-4.`,
    ],
    [
      algorithm.signalOn === 'final_reward' && algorithm.penalty === 'turns',
      'algorithm.signalOn final_reward keeps groups that differ in length only: nearly all.',
    ],
  ];
  const said = (rules: readonly (readonly [boolean, string])[]) =>
    rules.flatMap(([isSo, words]) => (isSo ? [words] : []));
  return { faults: [...checkCommon(settings).faults, ...said(faults)], warnings: said(warnings) };
}

/** How `assay train dapo` is set. */
export const DAPO: SettingsKind<typeof DapoConfig> = {
  schema: DapoConfig,
  defaults: { ...COMMON_DEFAULTS, ...DAPO_DEFAULTS },
  presets: DAPO_PRESETS,
  check,
};

/** Full settings of a training by DAPO; throws `usage`. */
export const resolveDapo = (config: unknown): Resolved<DapoConfig> => resolveSettings(config, DAPO);
