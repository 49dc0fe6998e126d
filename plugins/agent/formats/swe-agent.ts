/**
 * `.traj` of SWE-agent: written as of 1.1; those of 0.7 and of 1.x before it are read, too.
 * Lost of a foreign file: the settings, the state but for what its observations show, what the reviewer and the summariser said, tool calls
 * but for the command that they stand for, and the responses that were asked for again because of their format.
 */
import { type Static, Type } from 'typebox';
import type { EpisodeEnd, EpisodeResult, Message, Trajectory, Turn } from '../../../src/index.js';
import {
  Content,
  completed,
  type DraftResult,
  type DraftTurn,
  endings,
  Kept,
  keptOfEpisode,
  keptOfTurn,
  maybe,
  parsed,
  type TrajectoryFormat,
  textOf,
} from './format.js';

const SweStep = Type.Object({
  action: Type.String(),
  observation: maybe(Type.String()),
  response: Content,
  execution_time: maybe(Type.Number()),
  extra_info: Kept,
});
const SweMessage = Type.Object({
  role: Type.String(),
  content: Content,
  is_demo: maybe(Type.Boolean()),
});
const SweFile = Type.Object({
  trajectory: Type.Array(SweStep),
  history: maybe(Type.Array(SweMessage)),
  info: maybe(
    Type.Object({
      exit_status: maybe(Type.String()),
      submission: maybe(Type.String()),
      swe_agent_version: maybe(Type.String()),
      model_stats: maybe(
        Type.Object({
          instance_cost: maybe(Type.Number()),
          tokens_sent: maybe(Type.Integer()),
          tokens_received: maybe(Type.Integer()),
        }),
      ),
      assay: Type.Optional(Type.Unknown()),
    }),
  ),
});
type SweMessage = Static<typeof SweMessage>;

const { nameOf, endOf } = endings({
  turn_limit: 'exit_cost',
  context_limit: 'exit_context',
  episode_timeout: 'exit_total_execution_time',
  policy_error: 'exit_api',
  sandbox_error: 'exit_environment_error',
});
/** Endings that SWE-agent tells apart and we don't. */
const OTHER_ENDS: Readonly<Record<string, EpisodeEnd>> = {
  exit_format: 'turn_limit',
  exit_forfeit: 'turn_limit',
  exit_command: 'turn_limit',
  exit_command_timeout: 'episode_timeout',
};

export const sweAgent: TrajectoryFormat = {
  name: 'swe-agent',
  suffix: '.traj',
  isMeant: (value) => Object.hasOwn(Object(value), 'trajectory'),
  write,
  read,
};

function write({ episode, turns, result }: Trajectory): object {
  const total = result?.usage;
  return {
    environment: episode.instanceId,
    trajectory: turns.map(stepOf),
    history: [...episode.prompt.map(promptMessage), ...turns.flatMap(turnMessages)],
    info: {
      exit_status: result === undefined ? null : nameOf(result.end),
      submission: result?.patch ?? null,
      model_stats: {
        instance_cost: total?.cost ?? 0,
        tokens_sent: total?.promptTokens ?? 0,
        tokens_received: total?.completionTokens ?? 0,
        api_calls: turns.length,
      },
      assay: { episode, result },
    },
    replay_config: null,
  };
}

function stepOf({ response, observation, ...rest }: Turn): object {
  return {
    ...{ action: rest.command ?? '', observation, response, thought: response },
    ...{ execution_time: rest.seconds.command, state: {}, query: [] },
    extra_info: { assay: rest },
  };
}

function promptMessage({ role, content }: Message): object {
  return { role, content, agent: 'main', message_type: role === 'system' ? 'system_prompt' : 'observation' };
}

function turnMessages({ response, command, observation }: Turn): object[] {
  const agent = 'main';
  return [
    {
      role: 'assistant',
      content: response,
      thought: response,
      action: command ?? '',
      agent,
      message_type: 'action',
    },
    { role: 'user', content: observation, agent, message_type: 'observation' },
  ];
}

function read(value: unknown, instanceId: string): Trajectory {
  const { trajectory, history, info } = parsed(value, SweFile);
  const own = keptOfEpisode(info);
  const prompt = promptOf(history ?? []);
  return completed({
    episode: {
      instanceId,
      model: '',
      scaffold: `swe-agent@${info?.swe_agent_version ?? ''}`,
      demonstration: (history ?? []).some(({ is_demo }) => is_demo === true),
      prompt,
      ...own.episode,
    },
    turns: trajectory.map(
      (step): DraftTurn => ({
        response: textOf(step.response),
        command: step.action === '' ? null : step.action,
        observation: step.observation ?? '',
        seconds: { policy: 0, command: step.execution_time ?? 0 },
        ...keptOfTurn(step.extra_info),
      }),
    ),
    result: resultOf(info, own.result),
  });
}

/** What stands before the first response that is not part of the demonstration. */
function promptOf(history: readonly SweMessage[]): Message[] {
  const first = history.findIndex(({ role, is_demo }) => role === 'assistant' && is_demo !== true);
  return history.slice(0, first === -1 ? history.length : first).map(({ role, content }) => ({
    role: role === 'system' || role === 'assistant' ? role : 'user',
    content: textOf(content),
  }));
}

function resultOf(
  info: Static<typeof SweFile>['info'],
  own: Partial<EpisodeResult> | undefined,
): DraftResult | undefined {
  const status = info?.exit_status ?? '';
  if (status === '') return undefined;
  // `submitted (exit_context)`: ended by the limit, and what was there is submitted.
  const name = /^submitted \((.*)\)$/.exec(status)?.[1] ?? status;
  const end = endOf(name);
  const submission = info?.submission ?? '';
  const { instance_cost, tokens_sent, tokens_received } = info?.model_stats ?? {};
  return {
    end: end ?? OTHER_ENDS[name] ?? 'policy_error',
    patch: submission === '' ? null : submission,
    ...(end === undefined && { detail: status }),
    usage: {
      promptTokens: tokens_sent ?? 0,
      completionTokens: tokens_received ?? 0,
      ...(typeof instance_cost === 'number' && { cost: instance_cost }),
    },
    ...own,
  };
}
