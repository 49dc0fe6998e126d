import { openAiPolicy } from '../../plugins/agent/policy/open-ai.js';
import type { Policy } from '../../plugins/agent/policy/policy.js';
import type { EpisodeLimits } from '../model/trajectory.js';
import { usage } from './exit.js';
import { checkCount, parseSeconds } from './flags.js';
import type { Host } from './host.js';
import { checkFlags } from './plan.js';
import type { RolloutArgs } from './rollout-flags.js';

/** With the flags that must be given. */
export type ModelArgs = RolloutArgs & { readonly model: string; readonly 'base-url': string };

/** Throws `usage` for flags that contradict each other, before anything is read. */
export function checkRollout(args: RolloutArgs): void {
  checkFlags(args);
  const counts = ['samples', 'turns', 'context', 'max-tokens', 'observation-chars'] as const;
  for (const name of [...counts, 'model-calls', 'gradings', 'stop-group'] as const)
    checkCount(args[name], name, 1);
  if (args['stop-group'] !== undefined && args.eval !== true) throw usage('--stop-group needs --eval');
  if (args.training === true && args.mode === 'chat')
    throw usage('--training keeps token ids: it goes with --mode token');
  if (args.training === true && args.temperature !== undefined && args.temperature !== 1)
    throw usage('--training samples with temperature 1');
  if ((args['price-in'] === undefined) !== (args['price-out'] === undefined))
    throw usage('--price-in and --price-out go together');
  checkCount(args['model-retries'], 'model-retries', 0);
  limitsOf(args);
  stallSecondsOf(args);
  if (!/^https?:\/\//.test(args['base-url'] ?? ''))
    throw usage(`--base-url ${args['base-url']}: expected http://... or https://...`);
}

/** Node's `fetch` itself ends a silence of 300 s. */
const MOST_SILENCE = 290;

function stallSecondsOf(args: RolloutArgs): number {
  const seconds = parseSeconds(args['stall-timeout'] ?? '240', 'stall-timeout');
  if (seconds > MOST_SILENCE) throw usage(`--stall-timeout ${seconds}: at most ${MOST_SILENCE}`);
  return seconds;
}

/** The limits of each episode. */
export function limitsOf(args: RolloutArgs): EpisodeLimits {
  return {
    turns: args.turns ?? 40,
    contextTokens: args.context ?? 65536,
    commandSeconds: parseSeconds(args['command-timeout'] ?? '90', 'command-timeout'),
    episodeSeconds: parseSeconds(args['episode-timeout'] ?? '1h', 'episode-timeout'),
    observationChars: args['observation-chars'] ?? 16000,
    gradeUnsubmitted: args['grade-unsubmitted'] !== false,
  };
}

/** Temperature where nobody says: that of most reports on this benchmark. */
const EVAL_TEMPERATURE = 0.6;

/** The model that the flags name, with the key of the environment. */
export function policyOf(args: ModelArgs, onRetry: (words: string) => void, host: Host): Policy {
  const { 'price-in': priceIn, 'price-out': priceOut } = args;
  const key = host.env['ASSAY_API_KEY'] || undefined;
  return openAiPolicy({
    baseUrl: args['base-url'],
    model: args.model,
    ...(key === undefined ? {} : { key }),
    mode: args.mode ?? (args.training === true ? 'token' : 'chat'),
    purpose: args.training === true ? 'training' : 'eval',
    decoding: {
      temperature: args.temperature ?? (args.training === true ? 1 : EVAL_TEMPERATURE),
      topP: args['top-p'] ?? 1,
      topK: args['top-k'] ?? -1,
      minP: args['min-p'] ?? 0,
      repetitionPenalty: args['repetition-penalty'] ?? 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      maxTokens: args['max-tokens'] ?? 4096,
      ...(args.seed === undefined ? {} : { seed: args.seed }),
    },
    contextTokens: limitsOf(args).contextTokens,
    stallSeconds: stallSecondsOf(args),
    ...(args['model-retries'] === undefined ? {} : { retries: args['model-retries'] }),
    ...(priceIn === undefined || priceOut === undefined
      ? {}
      : { prices: { prompt: priceIn, completion: priceOut } }),
    ...(args['standard-only'] === true ? { standardOnly: true } : {}),
    onRetry,
    clock: host.clock,
    random: Math.random,
  });
}
