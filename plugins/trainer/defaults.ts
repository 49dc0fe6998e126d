import type { Static } from 'typebox';
import type { Findings, Layer } from './resolve.js';
import type { EpisodeSection, ModelSection, PolicySection, TrainerSection } from './sections.js';

export const PAPER = 'arXiv 2508.03501';
export const ours = (value: unknown, reason: string) => ({ value, source: `ours: ${reason}` });
export const paper = (value: unknown, place: string) => ({ value, source: `${PAPER}, ${place}` });

/** Where neither the configuration nor a preset says anything. None of these is from the paper, which is silent on them. */
export const COMMON_DEFAULTS: Layer = {
  'model.checkpointing': ours(true, 'long sequences need it'),
  'model.microBatchTokens': ours(16384, 'a bound on memory; it cannot change the loss'),
  'trainer.kind': ours('local', 'needs no service'),
  'trainer.processes': ours(1, 'one device'),
  'policy.kind': ours('embedded', 'needs no server; vllm is for real sizes'),
  'policy.sync': ours('reload', 'works wherever both see one disk'),
  'policy.maxTokens': ours(4096, 'as `assay rollout`; the paper gives no limit of a turn'),
  'episode.scaffold': ours('tools', 'the tools of the paper, appendix E'),
  'episode.commandSeconds': ours(90, 'as `assay rollout`; not in the paper'),
  'episode.episodeSeconds': ours(3600, 'as `assay rollout`; not in the paper'),
  'episode.observationChars': ours(16000, 'as `assay rollout`; not in the paper'),
  'episode.gradeUnsubmitted': ours(
    true,
    'not in the paper; work that is done counts, and R_len is -1 at the limit',
  ),
  'episode.maxUnscorable': ours(0.5, 'where the machine fails more, it is to be mended first'),
  'optimizer.beta1': ours(0.9, 'that of the RL stages'),
  'optimizer.beta2': ours(0.999, 'that of the RL stages'),
  'optimizer.eps': ours(1e-8, 'that of the RL stages'),
  'optimizer.gradientClip': ours(1, 'that of the RL stages'),
  seed: ours(0, 'any'),
  'output.checkpointEvery': ours(1, 'a kill costs one step or iteration at most'),
  'output.keepCheckpoints': ours(2, 'the last, and the one before it should that be broken'),
};

interface Common {
  readonly model: Static<typeof ModelSection>;
  readonly trainer: Static<typeof TrainerSection>;
  readonly policy: Static<typeof PolicySection>;
  readonly episode: Static<typeof EpisodeSection>;
}

/** Contradictions between the sections that both kinds of training have. */
export function checkCommon({ model, trainer, policy, episode }: Common): Findings {
  const rules: readonly (readonly [isWrong: boolean, words: string])[] = [
    [(model.folder === undefined) === (model.config === undefined), 'model needs one of folder and config'],
    [
      (model.config === undefined) !== (model.tokenizer === undefined),
      'model.config and model.tokenizer go together: a folder has its own tokenizer',
    ],
    [model.loraAlpha !== undefined && model.loraRank === undefined, 'model.loraAlpha needs model.loraRank'],
    [trainer.kind === 'tinker' && trainer.url === undefined, 'trainer.kind tinker needs trainer.url'],
    [trainer.kind === 'local' && trainer.url !== undefined, 'trainer.url is for trainer.kind tinker'],
    [
      trainer.processes % (trainer.contextParallel ?? 1) !== 0,
      `trainer.contextParallel (${trainer.contextParallel}) must divide trainer.processes (${trainer.processes})`,
    ],
    [
      trainer.kind === 'tinker' && trainer.server === undefined,
      'trainer.kind tinker needs trainer.server: no service says which it is',
    ],
    [
      (trainer.server === 'skyrl_jax') !== (trainer.sequencesPerStep !== undefined),
      'trainer.sequencesPerStep goes with trainer.server skyrl_jax, and only with it',
    ],
    [policy.kind === 'tinker' && policy.url === undefined, 'policy.kind tinker needs policy.url'],
    [
      trainer.kind === 'tinker' && trainer.processes > 1,
      'trainer.processes is for trainer.kind local: a Tinker service has its own',
    ],
    [
      trainer.kind === 'tinker' && model.config !== undefined,
      'model.config is for trainer.kind local: a Tinker service has its own models',
    ],
    [policy.kind === 'vllm' && policy.url === undefined, 'policy.kind vllm needs policy.url'],
    [
      policy.kind === 'embedded' && trainer.kind === 'tinker',
      'policy.kind embedded is the local trainer itself: with tinker take policy.kind tinker or vllm',
    ],
    [policy.kind === 'tinker' && trainer.kind === 'local', 'policy.kind tinker needs trainer.kind tinker'],
    [
      policy.kind === 'embedded' && policy.url !== undefined,
      'policy.url is for policy.kind vllm or tinker: the embedded server chooses its own',
    ],
    [
      policy.maxTokens >= episode.contextTokens,
      `policy.maxTokens (${policy.maxTokens}) must be below episode.contextTokens (${episode.contextTokens})`,
    ],
  ];
  return { faults: rules.flatMap(([isWrong, words]) => (isWrong ? [words] : [])), warnings: [] };
}
