/**
 * ATIF, Harbor's Agent Trajectory Interchange Format: written as v1.7, read up to v1.8. With token ids a file is large: each step has those
 * of its whole prompt.
 * Lost of a foreign file: how it ended and its patch (the format has no field), reasoning, images and sound, the episodes of subagents, times
 * of steps, tool calls but for a text that says what was called, and token ids where a prompt doesn't go on from the step before.
 */
import { type Static, Type } from 'typebox';
import type { Message, Trajectory, Turn, TurnTokens, Usage } from '../../../src/index.js';
import {
  Content,
  completed,
  type DraftTurn,
  Kept,
  keptOfEpisode,
  keptOfTurn,
  maybe,
  parsed,
  type TrajectoryFormat,
  textOf,
} from './format.js';

const AtifMetrics = maybe(
  Type.Object({
    prompt_tokens: maybe(Type.Integer()),
    completion_tokens: maybe(Type.Integer()),
    cost_usd: maybe(Type.Number()),
    prompt_token_ids: maybe(Type.Array(Type.Integer())),
    completion_token_ids: maybe(Type.Array(Type.Integer())),
    logprobs: maybe(Type.Array(Type.Number())),
  }),
);
const AtifCall = Type.Object({
  function_name: Type.String(),
  arguments: Type.Record(Type.String(), Type.Unknown()),
});
const AtifStep = Type.Object({
  source: Type.String(),
  message: Content,
  tool_calls: maybe(Type.Array(AtifCall)),
  observation: maybe(Type.Object({ results: Type.Array(Type.Object({ content: Content })) })),
  metrics: AtifMetrics,
  is_copied_context: maybe(Type.Boolean()),
  extra: Kept,
});
const AtifFile = Type.Object({
  schema_version: Type.String({ pattern: '^ATIF-v1\\.[0-8]$', description: 'ATIF-v1.0 to ATIF-v1.8' }),
  agent: Type.Object({
    name: Type.String(),
    version: Type.String(),
    model_name: maybe(Type.String()),
  }),
  steps: Type.Array(AtifStep),
  extra: Kept,
});
type AtifStep = Static<typeof AtifStep>;

export const atif: TrajectoryFormat = {
  name: 'atif',
  suffix: '.atif.json',
  isMeant: (value) => Object.hasOwn(Object(value), 'schema_version'),
  write,
  read,
};

function write({ episode, turns, result }: Trajectory): object {
  const [name = '', version = ''] = episode.scaffold.split('@');
  const steps = [...episode.prompt.map(promptStep), ...turnSteps(turns)];
  return {
    schema_version: 'ATIF-v1.7',
    session_id: episode.episodeId,
    trajectory_id: episode.episodeId,
    agent: { name, version, model_name: episode.model },
    steps: steps.map((step, index) => ({ step_id: index + 1, ...step })),
    final_metrics: {
      total_prompt_tokens: result?.usage.promptTokens,
      total_completion_tokens: result?.usage.completionTokens,
      total_cost_usd: result?.usage.cost,
      total_steps: steps.length,
    },
    extra: { assay: { episode, result } },
  };
}

function promptStep({ role, content }: Message): object {
  return role === 'assistant'
    ? { source: 'agent', message: content, is_copied_context: true }
    : { source: role, message: content };
}

function turnSteps(turns: readonly Turn[]): object[] {
  const sequence: number[] = [];
  return turns.map(({ response, command, observation, tokens, ...rest }) => {
    const id = `call_${rest.index}`;
    return {
      source: 'agent',
      message: response,
      tool_calls:
        command === null
          ? undefined
          : [{ tool_call_id: id, function_name: 'command', arguments: { command } }],
      observation: {
        results: [{ source_call_id: command === null ? undefined : id, content: observation }],
      },
      metrics: metricsOf(rest.usage, tokens, sequence),
      llm_call_count: 1,
      extra: { assay: rest },
    };
  });
}

/** `sequence` has the tokens before the turn, and afterwards those of the turn, too. */
function metricsOf(usage: Usage, tokens: TurnTokens | undefined, sequence: number[]): object {
  const counts = {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    cost_usd: usage.cost,
  };
  if (tokens === undefined) return counts;
  const { contextIds, sampledIds, logprobs } = tokens;
  for (const id of contextIds) sequence.push(id);
  const prompt_token_ids = [...sequence];
  for (const id of sampledIds) sequence.push(id);
  return { ...counts, prompt_token_ids, completion_token_ids: sampledIds, logprobs };
}

function read(value: unknown, instanceId: string): Trajectory {
  const { agent, steps, extra } = parsed(value, AtifFile);
  const own = keptOfEpisode(extra);
  const begin = own.episode?.prompt?.length ?? promptLength(steps);
  const turns = turnsOf(steps.slice(begin));
  return completed({
    episode: {
      instanceId,
      model: agent.model_name ?? '',
      scaffold: `${agent.name}@${agent.version}`,
      mode: turns.length > 0 && turns.every(({ tokens }) => tokens !== undefined) ? 'token' : 'chat',
      prompt: steps.slice(0, begin).map(({ source, message }) => ({
        role: source === 'system' ? 'system' : source === 'agent' ? 'assistant' : 'user',
        content: textOf(message),
      })),
      ...own.episode,
    },
    turns,
    result: own.result,
  });
}

function promptLength(steps: readonly AtifStep[]): number {
  const first = steps.findIndex(({ source, is_copied_context }) => source === 'agent' && !is_copied_context);
  return first === -1 ? steps.length : first;
}

function turnsOf(steps: readonly AtifStep[]): DraftTurn[] {
  const turns: DraftTurn[] = [];
  const sequence: number[] = [];
  for (const step of steps) {
    const results = step.observation?.results.map(({ content }) => textOf(content)) ?? [];
    const last = turns.at(-1);
    if (step.source === 'agent')
      turns.push({
        response: textOf(step.message),
        command: commandOf(step),
        observation: results.join('\n'),
        usage: usageOf(step),
        ...tokensOf(step, sequence),
        ...keptOfTurn(step.extra),
      });
    else if (last !== undefined)
      last.observation = [last.observation, textOf(step.message), ...results].filter(Boolean).join('\n');
  }
  return turns;
}

function commandOf({ tool_calls }: AtifStep): string | null {
  if (!tool_calls || tool_calls.length === 0) return null;
  return tool_calls
    .map(({ function_name, arguments: { command, ...others } }) =>
      typeof command === 'string' && Object.keys(others).length === 0
        ? command
        : `${function_name} ${JSON.stringify({ command, ...others })}`,
    )
    .join('\n');
}

function usageOf({ metrics }: AtifStep): Usage {
  const { prompt_tokens, completion_tokens, cost_usd } = metrics ?? {};
  return {
    promptTokens: prompt_tokens ?? 0,
    completionTokens: completion_tokens ?? 0,
    ...(typeof cost_usd === 'number' && { cost: cost_usd }),
  };
}

/** The tokens of a step, where its prompt goes on from `sequence`, which gets them. */
function tokensOf({ metrics }: AtifStep, sequence: number[]): { readonly tokens?: TurnTokens } {
  const { prompt_token_ids: prompt, completion_token_ids: sampledIds, logprobs } = metrics ?? {};
  if (!prompt || !sampledIds || !logprobs || logprobs.length !== sampledIds.length) return {};
  if (sequence.some((id, index) => prompt[index] !== id)) return {};
  const contextIds = prompt.slice(sequence.length);
  for (const id of [...contextIds, ...sampledIds]) sequence.push(id);
  return { tokens: { contextIds, sampledIds, logprobs } };
}
