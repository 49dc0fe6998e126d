import { AssayError, isObject } from '../../../src/index.js';
import type { AdamW, LoadOptions, Loss, StepOptions } from '../trainer.js';

/** Which server it is: they differ in what they do, and none of them tells. */
export type TinkerServer =
  /** The service of Thinking Machines. */
  | { readonly kind: 'hosted' }
  /** SkyRL with its FSDP or Megatron backend: it takes these from its own configuration and ignores what a request says. */
  | { readonly kind: 'skyrl_train'; readonly optimizer: AdamW; readonly gradientClip: number }
  /**
   * SkyRL with its JAX backend: LoRA, no gradient clipping, and the mean over the tokens of a sequence and then over the sequences of a step. A step is
   * filled up to this number of sequences, so that the mean can be taken back.
   */
  | { readonly kind: 'skyrl_jax'; readonly sequencesPerStep: number };

/** Where the slope of a policy loss is computed: `client` takes one forward pass more, and knows every option. */
export type Gradients = 'server' | 'client';

/** What a server can do, found at the start. */
export interface Powers {
  /** A request that is sent again with its number is done once. */
  readonly isIdempotent: boolean;
  readonly losses: readonly string[];
  readonly takesGradientClip: boolean;
}

const HOSTED: Powers = {
  isIdempotent: true,
  // LossFnType of PyPI's tinker 0.38.0.
  losses: [
    'cross_entropy',
    'importance_sampling',
    'ppo',
    'cispo',
    'dro',
    'gspo',
    'stable_reinforce',
    'custom',
  ],
  takesGradientClip: true,
};

/** What SkyRL's `/openapi.json` tells: it reads no field that isn't there. The service is taken by its SDK's word. */
export function powersOf(server: TinkerServer, openapi: unknown): Powers {
  if (server.kind === 'hosted') return HOSTED;
  const losses = at(openapi, ['ForwardBackwardInput', 'properties', 'loss_fn', 'enum']);
  return {
    isIdempotent: at(openapi, ['OptimStepRequest', 'properties', 'seq_id']) !== undefined,
    losses: Array.isArray(losses) ? losses.map(String) : ['cross_entropy'],
    takesGradientClip: at(openapi, ['AdamParams', 'properties', 'grad_clip_norm']) !== undefined,
  };
}

function at(openapi: unknown, path: readonly string[]): unknown {
  let value = openapi;
  for (const name of ['components', 'schemas', ...path]) value = isObject(value) ? value[name] : undefined;
  return value;
}

/** The server's name for what we ask of it, in words. */
const NAMES = {
  hosted: 'the Tinker service',
  skyrl_train: "SkyRL's FSDP and Megatron backends",
  skyrl_jax: "SkyRL's JAX backend",
} as const;

/** Throws `trainer_refused` for a loss that the server wouldn't compute as it is written. */
export function checkLoss(loss: Loss, server: TinkerServer, powers: Powers, gradients: Gradients): void {
  const uses = lossFunction(loss, server, gradients);
  if (!powers.losses.includes(uses))
    throw refused(
      `loss ${loss.kind}`,
      server,
      `no loss function ${uses}`,
      `it has ${powers.losses.join(', ')}`,
    );
  if (loss.kind !== 'policy' || gradients === 'client') return;
  const instead = 'with gradients: client it is computed here';
  if (loss.dualClip !== undefined)
    throw refused(`dualClip ${loss.dualClip}`, server, 'no dual clip', instead);
  if (loss.ratioLevel === 'sequence')
    throw refused('ratioLevel sequence', server, 'no such ratio with our normaliser', instead);
  if (loss.surrogate === 'cispo' && server.kind === 'skyrl_train')
    throw refused('surrogate cispo', server, 'no bounds of a request for it', instead);
}

/** The loss function that a loss is sent as. A mean over tokens takes the weights out of cross_entropy; cispo with both bounds at 1 is the same with weights. */
export function lossFunction(loss: Loss, server: TinkerServer, gradients: Gradients): string {
  if (loss.kind === 'policy' && gradients === 'server') return loss.surrogate === 'clip' ? 'ppo' : 'cispo';
  return server.kind === 'skyrl_jax' ? 'cispo' : 'cross_entropy';
}

/** Throws `trainer_refused` for settings of a model that the server wouldn't heed. */
export function checkLoad({ model, lora, yarn, optimizer }: LoadOptions, server: TinkerServer): void {
  if (!('folder' in model))
    throw refused('model config', server, 'no models but its own', 'name one of them');
  if (yarn !== undefined)
    throw refused(`yarn ${yarn}`, server, 'no such option', 'set it where the server starts');
  if (lora === undefined && server.kind !== 'skyrl_train')
    throw refused('training of all parameters', server, 'only LoRA', 'give a rank');
  if (lora !== undefined && lora.alpha !== ALPHA)
    throw refused(
      `lora alpha ${lora.alpha}`,
      server,
      `only alpha ${ALPHA}`,
      'the protocol has no field for it',
    );
  if (server.kind === 'skyrl_train' && !isSame(optimizer, server.optimizer))
    throw refused(
      `optimizer ${JSON.stringify(optimizer)}`,
      server,
      `that of their configuration (${JSON.stringify(server.optimizer)})`,
      'start it with trainer.policy.optimizer_config.adam_betas and weight_decay as they shall be',
    );
}

/** Fixed in SkyRL's server, and what the service uses. */
const ALPHA = 32;

function isSame(a: AdamW, b: AdamW): boolean {
  return (
    a.betas[0] === b.betas[0] &&
    a.betas[1] === b.betas[1] &&
    a.eps === b.eps &&
    a.weightDecay === b.weightDecay
  );
}

/** Throws `trainer_refused` where the server wouldn't clip gradients so. */
export function checkClip(
  { gradientClip }: Pick<StepOptions, 'gradientClip'>,
  server: TinkerServer,
  powers: Powers,
): void {
  if (powers.takesGradientClip) return;
  const has = server.kind === 'skyrl_train' ? server.gradientClip : Number.POSITIVE_INFINITY;
  if (gradientClip === has) return;
  throw refused(
    `gradientClip ${gradientClip}`,
    server,
    has === Number.POSITIVE_INFINITY ? 'no gradient clipping' : `that of their configuration (${has})`,
    has === Number.POSITIVE_INFINITY
      ? 'give Infinity'
      : 'start it with trainer.policy.optimizer_config.max_grad_norm',
  );
}

function refused(option: string, { kind }: TinkerServer, has: string, next: string): AssayError {
  const verb = kind === 'skyrl_train' ? 'have' : 'has';
  return new AssayError('trainer_refused', `${option}: ${NAMES[kind]} ${verb} ${has}; ${next}`);
}
