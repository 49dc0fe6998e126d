import { describe, expect, test } from '@jest/globals';
import { messagesOf, playEpisode, totalUsage } from '../../plugins/agent/episode.js';
import { AssayError } from '../../src/index.js';
import { handClock, limited, SUBMIT, sampleOf, says, scriptedPolicy, world } from './episode-helpers.js';
import { fakeSession } from './fake-session.js';
import { turn } from './records.js';

describe('an episode', () => {
  test('goes on turn by turn until the model submits; each turn is recorded before the next one begins', async () => {
    const recorded: number[] = [];
    const policy = scriptedPolicy(({ turns }) => {
      recorded.push(turns.length);
      return turns.length < 2 ? says(`echo ${turns.length}`) : SUBMIT;
    });
    const session = fakeSession({ reply: (command) => ({ output: `${command}!\n`, exitCode: 3 }) });
    const at = world({ policy, session, record: async ({ index }) => void recorded.push(-index) });
    const { end, turns } = await playEpisode(limited({}), [], at);
    expect(end).toBe('submitted');
    expect(recorded).toEqual([0, -1, 1, -2, 2, -3]);
    expect(session.commands).toEqual(['echo 0', 'echo 1']);
    expect(turns).toMatchObject([
      {
        index: 1,
        command: 'echo 0',
        exitCode: 3,
        observation: 'echo 0!\n[exit code 3]\n[cwd: /repo | open file: none]',
      },
      { index: 2, command: 'echo 1' },
      { index: 3, command: 'submit', observation: '' },
    ]);
    expect(turns[2]).not.toHaveProperty('exitCode');
  });

  test('shows the model all that was said, in its own words', async () => {
    const policy = scriptedPolicy(['no block', says('ls'), SUBMIT]);
    const whole = limited({});
    const { turns } = await playEpisode(whole, [], world({ policy }));
    expect(policy.asked.map(({ messages }) => messages)).toEqual(
      [0, 1, 2].map((count) => messagesOf(whole.prompt, turns.slice(0, count))),
    );
    expect(policy.asked[1]?.messages.slice(2)).toEqual([
      { role: 'assistant', content: 'no block' },
      { role: 'user', content: turns[0]?.observation },
    ]);
  });

  test.each([
    ['no command', 'I am thinking.', 'no_command'],
    ['another tag', '```bash\nls\n```', 'no_command'],
    ['several commands', `${says('ls')}\n${says('pwd')}`, 'several_commands'],
  ] as const)('with %s runs nothing, says so, marks the turn and goes on', async (_, text, formatError) => {
    const session = fakeSession();
    const { turns, end } = await playEpisode(
      limited({}),
      [],
      world({ policy: scriptedPolicy([text, SUBMIT]), session }),
    );
    expect(end).toBe('submitted');
    expect(turns[0]).toMatchObject({ response: text, command: null, formatError });
    expect(turns[0]?.observation).toContain('Nothing was run.');
    expect(turns[1]).not.toHaveProperty('formatError');
    expect(session.commands).toEqual([]);
  });

  test('keeps what was cut from an observation, and that a command was killed', async () => {
    const session = fakeSession({
      reply: () => ({ output: 'ab', exitCode: null, isTimeout: true, truncatedChars: 7 }),
    });
    const policy = scriptedPolicy([
      sampleOf(says('yes'), { finishReason: 'length', weightVersion: '7' }),
      SUBMIT,
    ]);
    const { turns } = await playEpisode(limited({}), [], world({ policy, session }));
    expect(turns[0]).toMatchObject({
      ...{ exitCode: null, isTimeout: true, truncatedChars: 7, finishReason: 'length', weightVersion: '7' },
    });
  });

  test('sums up tokens, and costs where they are known', () => {
    const usage = (cost?: number) => ({
      promptTokens: 5,
      completionTokens: 2,
      ...(cost === undefined ? {} : { cost }),
    });
    expect(totalUsage([])).toEqual({ promptTokens: 0, completionTokens: 0 });
    expect(totalUsage([{ usage: usage() }, { usage: usage() }])).toEqual({
      promptTokens: 10,
      completionTokens: 4,
    });
    expect(totalUsage([{ usage: usage(0.5) }, { usage: usage() }, { usage: usage(0.25) }])).toEqual({
      ...{ promptTokens: 15, completionTokens: 6, cost: 0.75 },
    });
  });
});

describe('the budget of an episode', () => {
  test('of turns ends it after the last of them', async () => {
    const policy = scriptedPolicy(() => says('ls'));
    const { end, turns } = await playEpisode(limited({ turns: 3 }), [], world({ policy }));
    expect([end, turns.length, policy.asked.length]).toEqual(['turn_limit', 3, 3]);
  });

  test('of tokens ends it when a turn fills it, or when the policy has no room', async () => {
    const usage = { promptTokens: 900, completionTokens: 100 };
    const full = scriptedPolicy([says('ls'), sampleOf(says('ls'), { usage }), SUBMIT]);
    const first = await playEpisode(limited({ contextTokens: 1000 }), [], world({ policy: full }));
    expect([first.end, first.turns.length]).toEqual(['context_limit', 2]);
    const second = await playEpisode(
      limited({}),
      [],
      world({ policy: scriptedPolicy([says('ls'), 'context_limit']) }),
    );
    expect([second.end, second.turns.length]).toEqual(['context_limit', 1]);
  });

  test('of tokens, filled by the last recorded turn, ends it without another question', async () => {
    const policy = scriptedPolicy([]);
    const usage = { promptTokens: 900, completionTokens: 100 };
    const recorded = [turn(1, { response: says('ls'), usage })];
    const { end } = await playEpisode(limited({ contextTokens: 1000 }), recorded, world({ policy }));
    expect([end, policy.asked.length]).toEqual(['context_limit', 0]);
  });

  test('of time ends it while the policy thinks, and aborts the request', async () => {
    const clock = handClock();
    let reason: unknown;
    const policy = scriptedPolicy((_, signal) => {
      if (policy.asked.length === 1) return says('ls');
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          reject(signal.reason);
        });
        clock.pass(1000);
      });
    });
    const { end, turns } = await playEpisode(limited({ episodeSeconds: 600 }), [], world({ policy, clock }));
    expect([end, turns.length]).toEqual(['episode_timeout', 1]);
    expect(reason).toBeDefined();
  });

  test('of time counts policy and commands, those of recorded turns too, and bounds the last command', async () => {
    const clock = handClock();
    const seconds: number[] = [];
    const inner = fakeSession();
    const session = {
      ...inner,
      run: (...[command, limits, signal]: Parameters<typeof inner.run>) => {
        seconds.push(limits.seconds);
        clock.pass(20);
        return inner.run(command, limits, signal);
      },
    };
    const policy = scriptedPolicy(() => {
      clock.pass(10);
      return says('ls');
    });
    const recorded = [turn(1, { response: says('ls'), seconds: { policy: 30, command: 10 } })];
    const { end, turns } = await playEpisode(
      limited({ episodeSeconds: 100, commandSeconds: 25 }),
      recorded,
      world({ policy, clock, session }),
    );
    // 40 s were used before; doing the command once more costs the model nothing.
    expect([end, turns.length]).toEqual(['episode_timeout', 3]);
    expect(turns.slice(1).map((one) => one.seconds)).toEqual([
      { policy: 10, command: 20 },
      { policy: 10, command: 20 },
    ]);
    expect(seconds).toEqual([25, 25, 20]);
  });

  test('of time leaves out what the episode waits for its turn at the model', async () => {
    const clock = handClock();
    const policy = scriptedPolicy([says('ls'), SUBMIT]);
    const callModel = <T>(work: () => Promise<T>) => {
      clock.pass(5000);
      return work();
    };
    const { end, turns } = await playEpisode(limited({}), [], world({ policy, clock, callModel }));
    expect(end).toBe('submitted');
    expect(turns.map((one) => one.seconds.policy)).toEqual([0, 0]);
  });
});

describe('an episode that is gone on with', () => {
  const before = [
    turn(1, { response: says('cd sub'), observation: 'old words' }),
    turn(2, { response: 'nothing to run', formatError: 'no_command' }),
  ];

  test('does the recorded commands once more, asks for none of their turns, and warns of other answers', async () => {
    const session = fakeSession({ reply: () => ({ output: 'new words\n' }) });
    const policy = scriptedPolicy(({ turns }) => (turns.length === 2 ? says('pwd') : SUBMIT));
    const at = world({ policy, session });
    const { turns, end } = await playEpisode(limited({}), before, at);
    expect(end).toBe('submitted');
    expect(session.commands).toEqual(['cd sub', 'pwd']);
    expect(policy.asked).toHaveLength(2);
    // What the model was shown stands.
    expect(policy.asked[0]?.messages.slice(2)).toEqual(messagesOf([], before));
    expect(turns.slice(0, 2)).toEqual(before);
    expect(at.kept.map(({ index }) => index)).toEqual([3, 4]);
    expect(at.drifts).toEqual([
      '1: new words\n[cwd: /repo | open file: none]',
      expect.stringMatching(/^2: Error: Your answer has no block tagged `command`/),
    ]);
  });

  test('has the state of its tools again', async () => {
    const files = { '/repo/a.txt': 'one\n' };
    const whole = world({
      policy: scriptedPolicy([says('open a.txt'), says('edit 1:1 two'), SUBMIT]),
      session: fakeSession({ files }),
    });
    const { turns } = await playEpisode(limited({}), [], whole);
    const session = fakeSession({ files });
    const at = world({ policy: scriptedPolicy([]), session });
    expect(await playEpisode(limited({}), turns, at)).toEqual({ end: 'submitted', turns });
    expect([session.text('/repo/a.txt'), at.drifts]).toEqual(['two\n', []]);
  });

  test('is over where its recorded turns are at a limit', async () => {
    const at = world({ policy: scriptedPolicy([]) });
    expect((await playEpisode(limited({ turns: 2 }), before, at)).end).toBe('turn_limit');
    expect((await playEpisode(limited({ episodeSeconds: 3 }), before, at)).end).toBe('episode_timeout');
  });
});

describe('an episode that fails', () => {
  const dead = new AssayError('engine_failed', 'the container is gone');
  const brokenSession = { ...fakeSession(), run: () => Promise.reject(dead) };

  test("for the policy's or the sandbox's fault says whose", async () => {
    const refused = new AssayError('policy_unavailable', 'overloaded');
    const policy = scriptedPolicy(() => Promise.reject(refused));
    await expect(playEpisode(limited({}), [], world({ policy }))).rejects.toMatchObject({
      ...{ end: 'policy_error', cause: refused },
    });
    const session = brokenSession;
    await expect(
      playEpisode(limited({}), [], world({ policy: scriptedPolicy([says('ls')]), session })),
    ).rejects.toMatchObject({ end: 'sandbox_error', cause: dead });
    await expect(
      playEpisode(limited({}), [turn(1, { response: says('ls') })], world({ policy, session })),
    ).rejects.toMatchObject({ end: 'sandbox_error', cause: dead });
  });

  test('to be recorded is not gone on with', async () => {
    const full = new AssayError('disk_full', 'no space');
    const policy = scriptedPolicy(() => says('ls'));
    const at = world({ policy, record: () => Promise.reject(full) });
    await expect(playEpisode(limited({}), [], at)).rejects.toBe(full);
    expect(policy.asked).toHaveLength(1);
  });

  test('because it was stopped rejects with the reason, wherever it was', async () => {
    const reason = new Error('enough');
    const stop = new AbortController();
    const { signal } = stop;
    const failing = (abort: boolean) => () => {
      if (abort) stop.abort(reason);
      return Promise.reject(dead);
    };
    const session = { ...fakeSession(), run: failing(true) };
    const asking = world({ policy: scriptedPolicy([says('ls')]), session, signal });
    await expect(playEpisode(limited({}), [], asking)).rejects.toBe(reason);
    expect(asking.kept).toEqual([]);
    // Stopped before it began: nobody is asked.
    const policy = scriptedPolicy([SUBMIT]);
    await expect(playEpisode(limited({}), [], world({ policy, signal }))).rejects.toBe(reason);
    expect(policy.asked).toEqual([]);
    const other = new AbortController();
    const thinking = scriptedPolicy(() => {
      other.abort(reason);
      return Promise.reject(new Error('aborted'));
    });
    await expect(
      playEpisode(limited({}), [], world({ policy: thinking, signal: other.signal })),
    ).rejects.toBe(reason);
  });
});
