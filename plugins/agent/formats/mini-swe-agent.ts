/**
 * `.traj.json` of mini-swe-agent: written as its format 1.1; those of 1.x and bare lists of messages are read, too.
 * Lost of a foreign file: reasoning, images, settings, the raw responses of the model but for their token counts, and which of several
 * commands of one message an output belongs to.
 */
import { type Static, Type } from 'typebox';
import type { Trajectory, Turn } from '../../../src/index.js';
import {
  Content,
  completed,
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

const MiniUsage = Type.Object({
  prompt_tokens: maybe(Type.Integer()),
  completion_tokens: maybe(Type.Integer()),
});
const MiniExtra = Type.Object({
  actions: maybe(Type.Array(Type.Object({ command: maybe(Type.String()) }))),
  cost: maybe(Type.Number()),
  response: maybe(Type.Union([Type.String(), Type.Object({ usage: maybe(MiniUsage) })])),
  returncode: maybe(Type.Integer()),
  interrupt_type: maybe(Type.String()),
  n_actions: maybe(Type.Integer()),
  model_response: maybe(Type.String()),
  exit_status: maybe(Type.String()),
  submission: maybe(Type.String()),
  assay: Type.Optional(Type.Unknown()),
});
const MiniMessage = Type.Object({
  role: maybe(Type.String()),
  content: Content,
  extra: maybe(MiniExtra),
  /** Of a response of the newer API of OpenAI, which is kept as it came, or of an answer to it: neither has a role. */
  output: maybe(Type.Union([Type.String(), Type.Array(Type.Object({ content: Content }))])),
});
const MiniFile = Type.Object({
  messages: Type.Array(MiniMessage),
  info: maybe(
    Type.Object({
      config: maybe(Type.Object({ model: maybe(Type.Object({ model_name: maybe(Type.String()) })) })),
      mini_version: maybe(Type.String()),
      exit_status: maybe(Type.String()),
      submission: maybe(Type.String()),
    }),
  ),
  instance_id: maybe(Type.String()),
  extra: Kept,
});
type MiniMessage = Static<typeof MiniMessage>;

const { nameOf, endOf } = endings({
  submitted: 'Submitted',
  turn_limit: 'LimitsExceeded',
  episode_timeout: 'TimeExceeded',
  context_limit: 'ContextWindowExceededError',
});

/** A command in the text of a message, as of files that don't say it apart. */
const COMMAND = /^```(?:bash|mswea_bash_command)\s*\n(.*?)\n```/gms;

export const miniSweAgent: TrajectoryFormat = {
  name: 'mini-swe-agent',
  suffix: '.traj.json',
  isMeant: (value) => Array.isArray(value) || Object.hasOwn(Object(value), 'messages'),
  write,
  read,
};

function write({ episode, turns, result }: Trajectory): object {
  const { instanceId, model, prompt } = episode;
  const exit_status = result === undefined ? '' : nameOf(result.end);
  const submission = result?.patch ?? '';
  return {
    info: {
      model_stats: { instance_cost: result?.usage.cost ?? 0, api_calls: turns.length },
      config: { model: { model_name: model }, agent_type: episode.scaffold },
      exit_status,
      submission,
    },
    messages: [
      ...prompt,
      ...turns.flatMap(messagesOf),
      ...(result ? [{ role: 'exit', content: submission, extra: { exit_status, submission } }] : []),
    ],
    trajectory_format: 'mini-swe-agent-1.1',
    instance_id: instanceId,
    extra: { assay: { episode, result } },
  };
}

function messagesOf({ response, command, observation, ...rest }: Turn): object[] {
  const { usage, formatError, exitCode } = rest;
  const actions = command === null ? [] : [{ command }];
  const { promptTokens: prompt_tokens, completionTokens: completion_tokens } = usage;
  const ofError = { interrupt_type: 'FormatError', model_response: response };
  return [
    {
      role: 'assistant',
      content: response,
      extra: {
        ...{ actions, cost: usage.cost ?? 0 },
        response: { usage: { prompt_tokens, completion_tokens } },
        assay: rest,
      },
    },
    {
      role: 'user',
      content: observation,
      extra: { returncode: exitCode ?? null, ...(formatError && ofError) },
    },
  ];
}

function read(value: unknown, instanceId: string): Trajectory {
  const file = parsed(Array.isArray(value) ? { messages: value } : value, MiniFile);
  const { messages, info } = file;
  const own = keptOfEpisode(file.extra);
  const begin = own.episode?.prompt?.length ?? promptLength(messages);
  const status = info?.exit_status ?? '';
  const submission = info?.submission ?? '';
  const end = endOf(status);
  return completed({
    episode: {
      instanceId: file.instance_id ?? instanceId,
      model: info?.config?.model?.model_name ?? '',
      scaffold: `mini-swe-agent@${info?.mini_version ?? ''}`,
      prompt: messages.slice(0, begin).map((message) => ({
        role: message.role === 'system' ? 'system' : 'user',
        content: bodyOf(message),
      })),
      ...own.episode,
    },
    turns: turnsOf(messages.slice(begin)),
    result:
      status === ''
        ? undefined
        : {
            end: end ?? 'policy_error',
            patch: submission === '' ? null : submission,
            ...(end === undefined && { detail: status }),
            ...own.result,
          },
  });
}

function promptLength(messages: readonly MiniMessage[]): number {
  const first = messages.findIndex(
    (message) => isResponse(message) || isFormatError(message) || message.role === 'exit',
  );
  return first === -1 ? messages.length : first;
}

function turnsOf(messages: readonly MiniMessage[]): DraftTurn[] {
  const turns: DraftTurn[] = [];
  let isAnswered = true;
  for (const message of messages.filter(({ role }) => role !== 'exit')) {
    const { extra } = message;
    if (isResponse(message)) {
      turns.push(turnOf(message));
      isAnswered = false;
      continue;
    }
    // A response without a command is in no message of its own.
    if (isFormatError(message) && isAnswered)
      turns.push({
        response: extra?.model_response ?? '',
        command: null,
        formatError: (extra?.n_actions ?? 0) > 1 ? 'several_commands' : 'no_command',
        observation: '',
      });
    isAnswered = true;
    const turn = turns.at(-1);
    if (turn === undefined) continue;
    turn.observation = [turn.observation, bodyOf(message)].filter((text) => text !== '').join('\n');
    if (typeof extra?.returncode === 'number') turn.exitCode = extra.returncode;
  }
  return turns;
}

function turnOf(message: MiniMessage): DraftTurn {
  const response = bodyOf(message);
  const { actions, cost, response: raw } = message.extra ?? {};
  const usage = typeof raw === 'object' ? raw?.usage : undefined;
  return {
    response,
    observation: '',
    ...(actions ? { command: commandOf(actions) } : commandIn(response)),
    usage: {
      promptTokens: usage?.prompt_tokens ?? 0,
      completionTokens: usage?.completion_tokens ?? 0,
      ...(typeof cost === 'number' && { cost }),
    },
    ...keptOfTurn(message.extra),
  };
}

function commandOf(actions: readonly { readonly command?: string | null }[]): string | null {
  return actions.length === 0 ? null : actions.map(({ command }) => command ?? '').join('\n');
}

/** Files that don't say commands apart are of scaffolds that take exactly one. */
function commandIn(response: string): Pick<DraftTurn, 'command' | 'formatError'> {
  const [first, second] = [...response.matchAll(COMMAND)].map(([, command]) => command ?? '');
  if (first === undefined) return { command: null, formatError: 'no_command' };
  return second === undefined ? { command: first } : { command: null, formatError: 'several_commands' };
}

function isResponse({ role, output }: MiniMessage): boolean {
  return role === 'assistant' || (role === undefined && Array.isArray(output));
}

function isFormatError({ extra }: MiniMessage): boolean {
  return extra?.interrupt_type === 'FormatError';
}

function bodyOf({ content, output }: MiniMessage): string {
  if (typeof output === 'string') return output;
  return output ? output.map((item) => textOf(item.content)).join('') : textOf(content);
}
