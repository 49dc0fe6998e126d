import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { importTrajectory, trajectoryFormats } from '../../plugins/agent/formats/index.js';
import { EpisodeEnd, type Trajectory, type Turn } from '../../src/index.js';
import { episode, result, trajectory, turn } from './records.js';

const names = trajectoryFormats.map(({ name }) => name);

function formatNamed(name: string) {
  const found = trajectoryFormats.find((format) => format.name === name);
  if (found === undefined) throw new Error(`no format ${name}`);
  return found;
}

const exported = (name: string, whole: Trajectory): unknown =>
  JSON.parse(JSON.stringify(formatNamed(name).write(whole)));
const imported = (value: unknown) => importTrajectory(value, 'given-1', 'file.json');

/** A trajectory with everything that the records can hold. */
const full: Trajectory = {
  episode: episode({ sample: 3, mode: 'token', demonstration: true }),
  turns: [
    turn(1, { tokens: { contextIds: [1, 2, 3], sampledIds: [4, 5], logprobs: [-0.5, -0.25] } }),
    turn(2, {
      ...{ command: null, formatError: 'several_commands', exitCode: undefined, finishReason: 'length' },
      tokens: { contextIds: [6], sampledIds: [], logprobs: [] },
      usage: { promptTokens: 7, completionTokens: 8, cost: 0.125 },
    }),
    turn(3, {
      ...{ exitCode: null, isTimeout: true, truncatedChars: 9, weightVersion: 'step-7' },
      tokens: { contextIds: [7], sampledIds: [8], logprobs: [0] },
    }),
    turn(4, { command: 'submit', observation: '', exitCode: undefined }),
  ],
  result: result(4, { detail: 'as asked', usage: { promptTokens: 1, completionTokens: 2, cost: 3 } }),
};

describe.each(names)('%s', (name) => {
  test('gives back all of a trajectory', () => {
    expect(imported(exported(name, full))).toEqual({ ...full, turns: full.turns.map(compact) });
  });

  test('gives back texts of every kind to the letter', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, fc.option(text), fc.option(text), (response, observation, command, patch) => {
        const whole: Trajectory = {
          episode: episode({ prompt: [{ role: 'user', content: observation }] }),
          turns: [turn(1, { response, observation, command }), turn(2, { response: observation })],
          result: result(2, { patch }),
        };
        expect(imported(exported(name, whole))).toEqual(whole);
      }),
      { numRuns: 100, examples: [['```bash\nls\n```', '', '', ''] as const, ['', '\ud800', null, null]] },
    );
  });

  test.each(EpisodeEnd.anyOf.map((one) => one.const))('gives back that an episode ended with %s', (end) => {
    const whole = { ...trajectory(), result: result(2, { end }) };
    expect(imported(exported(name, whole))).toEqual(whole);
  });

  test('gives back an episode without a result, and one that has no turns', () => {
    for (const whole of [
      { episode: episode(), turns: [turn(1)] },
      { episode: episode(), turns: [] },
    ])
      expect(imported(exported(name, whole))).toEqual(whole);
  });

  test('gives back a demonstration in turns of the prompt', () => {
    const prompt = [
      { role: 'system' as const, content: 'a' },
      { role: 'user' as const, content: 'b' },
      { role: 'assistant' as const, content: 'c' },
      { role: 'user' as const, content: 'd' },
    ];
    const whole = trajectory({ prompt });
    expect(imported(exported(name, whole))).toEqual(whole);
  });

  test.each<[string, (kept: { episode: Record<string, unknown> }) => unknown]>([
    ['is no object', () => 'text'],
    ['has no records', () => ({ episode: 5, result: [] })],
    ['climbs out of the folder', ({ episode }) => ({ episode: { ...episode, instanceId: '../x' } })],
    ['is of another sample', ({ episode }) => ({ episode: { ...episode, sample: 2 } })],
    ['has a prompt that is none', ({ episode }) => ({ episode: { ...episode, prompt: 'text' } })],
  ])('refuses, or does without, what stands under our name: it %s', (_, change) => {
    const value = exported(name, trajectory()) as Record<string, { assay: never } | undefined>;
    const home = value['extra'] ?? value['info'];
    if (home === undefined) throw new Error('nothing is kept');
    home.assay = change(home.assay) as never;
    try {
      expect(imported(value).episode.instanceId).toBe(
        name === 'mini-swe-agent' ? 'owner__name-1' : 'given-1',
      );
    } catch (error) {
      expect(error).toMatchObject({ code: 'bad_trajectory' });
    }
  });
});

function compact(one: Turn): Turn {
  return JSON.parse(JSON.stringify(one)) as Turn;
}

describe('a file of mini-swe-agent itself', () => {
  const file = {
    info: {
      model_stats: { instance_cost: 0.02, api_calls: 3 },
      config: { model: { model_name: 'openai/x' }, agent: { step_limit: 5 } },
      mini_version: '2.4.6',
      exit_status: 'LimitsExceeded',
      submission: '',
    },
    messages: [
      { role: 'system', content: 'S' },
      { role: 'user', content: [{ type: 'text', text: 'Task', cache_control: { type: 'ephemeral' } }] },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a' }],
        extra: {
          actions: [{ command: 'ls', tool_call_id: 'a' }],
          cost: 0.01,
          response: { usage: { prompt_tokens: 11, completion_tokens: 2 } },
          timestamp: 1.5,
        },
      },
      { role: 'tool', tool_call_id: 'a', content: 'a.py', extra: { returncode: 0, exception_info: null } },
      {
        role: 'user',
        content: 'One action, please.',
        extra: { interrupt_type: 'FormatError', n_actions: 2, model_response: 'two blocks' },
      },
      {
        object: 'response',
        output: [{ type: 'reasoning' }, { type: 'message', content: [{ text: 'Bye' }] }],
      },
      { type: 'function_call_output', call_id: 'b', output: 'done' },
      { role: 'exit', content: 'LimitsExceeded', extra: { exit_status: 'LimitsExceeded', submission: '' } },
    ],
    trajectory_format: 'mini-swe-agent-1.1',
    instance_id: 'owner__name-7',
  };

  test('is read: tool calls, parts of content, responses that had no command, responses of the newer API', () => {
    const { episode, turns, result } = imported(file);
    expect(episode).toMatchObject({
      episodeId: 'owner__name-7#1',
      model: 'openai/x',
      scaffold: 'mini-swe-agent@2.4.6',
      prompt: [
        { role: 'system', content: 'S' },
        { role: 'user', content: 'Task' },
      ],
    });
    expect(turns).toMatchObject([
      {
        ...{ index: 1, response: '', command: 'ls', observation: 'a.py', exitCode: 0, confirmed: null },
        usage: { promptTokens: 11, completionTokens: 2, cost: 0.01 },
      },
      {
        ...{ index: 2, response: 'two blocks', command: null, formatError: 'several_commands' },
        observation: 'One action, please.',
      },
      { index: 3, response: 'Bye', command: null, observation: 'done' },
    ]);
    expect(result).toMatchObject({
      ...{ end: 'turn_limit', patch: null, turns: 3 },
      usage: { promptTokens: 11, completionTokens: 2, cost: 0.01 },
    });
  });

  test('keeps the name of an ending that we have none for', () => {
    const info = { ...file.info, exit_status: 'RateLimitError' };
    expect(imported({ ...file, info }).result).toMatchObject({
      end: 'policy_error',
      detail: 'RateLimitError',
    });
  });

  test('is read as a bare list of messages, whose commands stand in their texts', () => {
    const { episode, turns } = imported([
      { role: 'system', content: 'S' },
      { role: 'user', content: 'Task' },
      { role: 'assistant', content: 'Look:\n\n```bash\nls -l\n```' },
      { role: 'user', content: 'a.py' },
      { role: 'assistant', content: 'Hm.' },
      { role: 'user', content: 'One, please.' },
      { role: 'assistant', content: '```bash\na\n```\n```bash\nb\n```' },
    ]);
    expect(episode.episodeId).toBe('given-1#1');
    expect(turns).toMatchObject([
      { command: 'ls -l', observation: 'a.py' },
      { command: null, formatError: 'no_command', observation: 'One, please.' },
      { command: null, formatError: 'several_commands', observation: '' },
    ]);
  });
});

describe('a file of SWE-agent itself', () => {
  const step = {
    ...{ action: 'ls -F\n', observation: 'a.py\n', response: 'I look.', thought: 'I look.' },
    ...{ execution_time: 0.5, state: { working_dir: '/repo' }, query: [{ role: 'system', content: 'S' }] },
  };
  const file = {
    environment: 'main',
    trajectory: [step, { ...step, action: '', response: '', extra_info: {} }],
    history: [
      { role: 'system', content: 'S', agent: 'main' },
      { role: 'user', content: 'demo', is_demo: true, agent: 'main' },
      { role: 'user', content: 'Task', agent: 'main' },
      { role: 'assistant', content: 'I look.', action: 'ls -F\n', agent: 'main' },
      { role: 'tool', content: 'a.py\n', agent: 'main', tool_call_ids: ['a'] },
    ],
    info: {
      exit_status: 'submitted (exit_context)',
      submission: 'diff',
      model_stats: { instance_cost: 0.5, tokens_sent: 100, tokens_received: 10, api_calls: 2 },
      swe_agent_version: '1.1.0',
    },
    replay_config: '{}',
  };

  test('is read, with the ending that its submission came after', () => {
    const { episode, turns, result } = imported(file);
    expect(episode).toMatchObject({
      instanceId: 'given-1',
      scaffold: 'swe-agent@1.1.0',
      demonstration: true,
    });
    expect(episode.prompt.map(({ content }) => content)).toEqual(['S', 'demo', 'Task']);
    expect(turns).toMatchObject([
      { command: 'ls -F\n', response: 'I look.', observation: 'a.py\n', seconds: { command: 0.5 } },
      { command: null },
    ]);
    expect(result).toMatchObject({
      ...{ end: 'context_limit', patch: 'diff' },
      usage: { promptTokens: 100, completionTokens: 10, cost: 0.5 },
    });
  });

  test.each([
    ['submitted', 'submitted'],
    ['exit_cost', 'turn_limit'],
    ['exit_format', 'turn_limit'],
    ['submitted (exit_error)', 'policy_error'],
    ['exit_environment_error', 'sandbox_error'],
  ])('with the ending %s has ours: %s', (exit_status, end) => {
    expect(imported({ ...file, info: { exit_status } }).result?.end).toBe(end);
  });
});

describe('a file of ATIF', () => {
  const agentStep = (more: object) => ({ source: 'agent', message: 'I look.', ...more });
  const file = (...steps: object[]) => ({
    schema_version: 'ATIF-v1.4',
    session_id: 's',
    agent: { name: 'terminus-2', version: '2.0', model_name: 'm' },
    steps: [{ source: 'user', message: [{ type: 'text', text: 'Task' }] }, ...steps],
  });

  test('is read: calls of other tools, several results, messages in between', () => {
    const { episode, turns, result } = imported(
      file(
        agentStep({
          tool_calls: [
            { tool_call_id: '1', function_name: 'bash_command', arguments: { keystrokes: 'ls\n' } },
            { tool_call_id: '2', function_name: 'bash', arguments: { command: 'pwd' } },
          ],
          observation: {
            results: [{ content: 'a.py' }, { content: null }, { content: [{ text: '/repo' }] }],
          },
          metrics: { prompt_tokens: 5, completion_tokens: 6, cost_usd: null },
        }),
        { source: 'user', message: 'Go on.' },
        agentStep({ tool_calls: null, observation: null, metrics: null, extra: null }),
      ),
    );
    expect(episode).toMatchObject({ scaffold: 'terminus-2@2.0', model: 'm', mode: 'chat' });
    expect(episode.prompt).toEqual([{ role: 'user', content: 'Task' }]);
    expect(turns).toMatchObject([
      { command: 'bash_command {"keystrokes":"ls\\n"}\npwd', observation: 'a.py\n\n/repo\nGo on.' },
      { command: null, observation: '' },
    ]);
    expect(result).toBeUndefined();
  });

  test('has token ids that go on from step to step', () => {
    const metrics = (prompt_token_ids: number[], completion_token_ids: number[]) => ({
      metrics: { prompt_token_ids, completion_token_ids, logprobs: completion_token_ids.map(() => -1) },
    });
    const { episode, turns } = imported(
      file(agentStep(metrics([1, 2], [3])), agentStep(metrics([1, 2, 3, 4], [5]))),
    );
    expect(episode.mode).toBe('token');
    expect(turns.map(({ tokens }) => tokens?.contextIds)).toEqual([[1, 2], [4]]);
    const rewritten = imported(file(agentStep(metrics([1, 2], [3])), agentStep(metrics([9, 2, 3, 4], [5]))));
    expect(rewritten.episode.mode).toBe('chat');
    expect(rewritten.turns[1]?.tokens).toBeUndefined();
  });
});

describe('a file that is no trajectory', () => {
  test.each<[unknown, string]>([
    [null, 'is no trajectory'],
    [5, 'is no trajectory'],
    ['messages', 'is no trajectory'],
    [{}, 'is no trajectory'],
    [{ messages: 5 }, 'field "messages"'],
    [[{ role: 'user', content: 7 }], 'field "messages.0.content"'],
    [{ trajectory: [{}] }, 'field "trajectory.0.action"'],
    [{ schema_version: 'ATIF-v2.0', agent: {}, steps: [] }, 'ATIF-v1.0 to ATIF-v1.8'],
  ])('is refused, and the field is named: %j', (value, message) => {
    expect(() => imported(value)).toThrow(message);
  });
});
