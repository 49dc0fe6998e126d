import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStore, readTrajectories } from '../../plugins/agent/store.js';
import { AssayError } from '../../src/index.js';
import { until } from '../engine/local/sandbox-helpers.js';
import { SUBMIT, says, scriptedPolicy } from './episode-helpers.js';
import { collect } from './records.js';
import { gate, rolloutBench, rollouts } from './rollouts-helpers.js';

const MEND = says("sed -i 's/a - b/a + b/' lib/sum.js");
const overloaded = () => new AssayError('policy_unavailable', 'overloaded');

let bench: Awaited<ReturnType<typeof rolloutBench>>;
beforeAll(async () => {
  bench = await rolloutBench();
});
afterAll(async () => {
  // Whatever an episode came to, nothing is left of its container.
  expect(await bench.bench.workspaces()).toEqual([]);
  await bench.remove();
});

describe('an episode of rollouts', () => {
  test('is played in a container of its own, recorded, and told of', async () => {
    const engine = bench.engine();
    const policy = scriptedPolicy([MEND, 'no block', SUBMIT]);
    const { play, events, store } = await rollouts({ engine, policy, folder: await bench.folder() });
    const { episode, result } = await play(2);
    expect(episode).toMatchObject({ episodeId: 'owner__name-1#2', scaffold: 'tools@1', mode: 'chat' });
    expect(result).toMatchObject({
      ...{ end: 'submitted', turns: 3, usage: { promptTokens: 300, completionTokens: 30 } },
      imageDigest: 'sha256:1',
    });
    expect(result.patch).toContain('+exports.sum = (a, b) => a + b;');
    expect(events.map(({ type }) => type)).toEqual(['episode_start', 'turn', 'turn', 'turn', 'episode_end']);
    expect([engine.started.length, engine.alive.size]).toEqual([1, 0]);
    expect(store.known().get(episode.episodeId)).toEqual({ episode, result });
    // As it was recorded, without a container.
    expect(await play(2)).toEqual({ episode, result });
    expect([engine.started.length, policy.asked.length]).toEqual([1, 3]);
  });

  test.each([
    [true, expect.stringContaining('+exports.sum')],
    [false, null],
  ])(
    'that met a limit has its diff as patch if unsubmitted ones are graded (%p)',
    async (gradeUnsubmitted, patch) => {
      const { play, store } = await rollouts({
        ...{ engine: bench.engine(), policy: scriptedPolicy(() => MEND), folder: await bench.folder() },
        settings: {
          model: 'toy',
          demonstration: false,
          purpose: 'eval',
          limits: {
            turns: 1,
            contextTokens: 1e5,
            commandSeconds: 60,
            episodeSeconds: 600,
            observationChars: 1e4,
            gradeUnsubmitted,
          },
        },
      });
      expect((await play(1)).result).toMatchObject({ end: 'turn_limit', patch });
      await store.close();
    },
  );
});

describe('a try that fails for a reason that may pass', () => {
  test("of the model's server is made again in a new container, and goes on where the last one stopped", async () => {
    const engine = bench.engine();
    let failures = 0;
    const policy = scriptedPolicy(({ turns }) => {
      if (turns.length === 1 && ++failures <= 2) throw overloaded();
      return turns.length === 0 ? MEND : SUBMIT;
    });
    const { play, warnings } = await rollouts({ engine, policy, folder: await bench.folder() });
    const { result } = await play(1);
    expect(result).toMatchObject({
      end: 'submitted',
      turns: 2,
      patch: expect.stringContaining('+exports.sum'),
    });
    // The first turn was asked for once; the commands of each try were done in its own container.
    expect(policy.asked.map(({ turns }) => turns.length)).toEqual([0, 1, 1, 1]);
    expect([engine.started.length, engine.alive.size]).toEqual([3, 0]);
    expect(warnings).toEqual(
      Array(2).fill(expect.stringContaining('overloaded [policy_unavailable]; trying again')),
    );
  });

  test('of the sandbox, too: one that is taken away, and one that does not start', async () => {
    const engine = bench.engine();
    const script = [says('echo 1'), MEND, SUBMIT];
    const policy = scriptedPolicy(async ({ turns }) => {
      if (turns.length === 2 && engine.started.length === 1)
        for (const container of engine.alive.values()) await container.destroy();
      return turns.length === 2 && engine.started.length === 1
        ? says('echo 3')
        : (script[turns.length] as string);
    });
    let starts = 0;
    engine.onStart = () => {
      if (++starts === 2) throw new AssayError('engine_failed', 'no room for a container');
    };
    const folder = await bench.folder();
    const { play, warnings, store } = await rollouts({ engine, policy, folder });
    expect((await play(1)).result).toMatchObject({ end: 'submitted', turns: 3 });
    // The answer to a turn that the sandbox did not survive was paid for, and not recorded: it is asked for again.
    expect(policy.asked.map(({ turns }) => turns.length)).toEqual([0, 1, 2, 2]);
    expect([engine.started.length, engine.alive.size, warnings.length]).toEqual([2, 0, 2]);
    await store.close();
    const [trajectory] = await collect(readTrajectories(folder));
    expect(trajectory?.turns.map(({ command }) => command)).toEqual([
      'echo 1',
      expect.stringContaining('sed'),
      'submit',
    ]);
  });

  test('too often is an end of its own, which the next run tries again from there', async () => {
    const engine = bench.engine();
    const folder = await bench.folder();
    let isUp = false;
    const policy = scriptedPolicy(({ turns }) => {
      if (turns.length === 1 && !isUp) throw overloaded();
      return turns.length === 0 ? MEND : SUBMIT;
    });
    const first = await rollouts({ engine, policy, folder, retries: 1 });
    const failed = await first.play(1);
    expect(failed.result).toEqual({
      ...{ end: 'policy_error', detail: 'overloaded [policy_unavailable]', patch: null, turns: 1 },
      ...{ usage: { promptTokens: 100, completionTokens: 10 }, seconds: expect.any(Number) },
      ...{ imageDigest: 'sha256:1', finishedAt: expect.any(String) },
    });
    expect(policy.asked.map(({ turns }) => turns.length)).toEqual([0, 1, 1]);
    await first.store.close();
    isUp = true;
    const second = await rollouts({ engine, policy, folder });
    const { result, episode } = await second.play(1);
    expect(result).toMatchObject({
      end: 'submitted',
      turns: 2,
      patch: expect.stringContaining('+exports.sum'),
    });
    expect(episode).toEqual(failed.episode);
    expect(policy.asked.map(({ turns }) => turns.length)).toEqual([0, 1, 1, 1]);
    await second.store.close();
    expect(await collect(readTrajectories(folder))).toMatchObject([
      { turns: [{}, {}], result: { end: 'submitted' } },
    ]);
  });

  test('is not one that will not pass', async () => {
    const drift = new AssayError('token_drift', 'id 3 was echoed as 4');
    const policy = scriptedPolicy(() => Promise.reject(drift));
    const { play } = await rollouts({ engine: bench.engine(), policy, folder: await bench.folder() });
    expect((await play(1)).result).toMatchObject({
      end: 'policy_error',
      detail: 'id 3 was echoed as 4 [token_drift]',
    });
    expect(policy.asked).toHaveLength(1);
  });
});

describe('what ends rollouts', () => {
  test('the stop of a group ends those that run, and begins no further one', async () => {
    const engine = bench.engine();
    const stop = new AbortController();
    const folder = await bench.folder();
    const thinks = gate();
    const policy = scriptedPolicy(({ turns }, signal) => {
      if (turns.length === 0) return says('echo 1');
      thinks.open();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const { play, store } = await rollouts({ engine, policy, folder, sandboxes: 1 });
    const both = [play(1, stop.signal), play(2, stop.signal)];
    await thinks.opened;
    stop.abort(new Error('enough'));
    const ends = await Promise.all(both);
    expect(ends.map(({ result: { end, patch, turns } }) => ({ end, patch, turns }))).toEqual([
      { end: 'stopped_early', patch: null, turns: 1 },
      { end: 'stopped_early', patch: null, turns: 0 },
    ]);
    expect([engine.started.length, engine.alive.size]).toEqual([1, 0]);
    await store.close();
    // A later run has no more of it either.
    const next = await rollouts({ engine, policy, folder });
    expect((await next.play(1)).result.end).toBe('stopped_early');
  });

  test.each(['policy_refused', 'sampling_unconfirmed'] as const)(
    '%s: no other episode begins, and what was recorded is gone on with by the next run',
    async (code) => {
      const engine = bench.engine();
      const folder = await bench.folder();
      const refusal = new AssayError(code, 'as scripted');
      const other = gate();
      let isRight = false;
      const policy = scriptedPolicy(async ({ turns }) => {
        if (isRight) return turns.length < 2 ? says(`echo ${turns.length}`) : SUBMIT;
        if (turns.length === 0) return says('echo 0');
        await other.opened;
        throw refusal;
      });
      const first = await rollouts({ engine, policy, folder, sandboxes: 2 });
      const all = [1, 2, 3, 4, 5].map((sample) => first.play(sample));
      const settled = Promise.allSettled(all);
      expect(await until(async () => policy.asked.length === 4)).toBe(true);
      other.open();
      expect((await settled).map((one) => one.status === 'rejected' && one.reason)).toEqual(
        Array(5).fill(refusal),
      );
      expect([policy.asked.length, engine.started.length, engine.alive.size]).toEqual([4, 2, 0]);
      await first.store.close();
      const kept = await collect(readTrajectories(folder));
      expect(kept.map(({ turns, result }) => [turns.length, result])).toEqual(Array(2).fill([1, undefined]));
      isRight = true;
      const before = policy.asked.length;
      const second = await rollouts({ engine, policy, folder });
      const ends = await Promise.all([1, 2, 3].map((sample) => second.play(sample)));
      expect(ends.map(({ result }) => [result.end, result.turns])).toEqual(Array(3).fill(['submitted', 3]));
      expect(policy.asked.length - before).toBe(2 + 2 + 3);
    },
  );

  test('a drain lets those that run end, and begins no further one', async () => {
    const engine = bench.engine();
    const drain = new AbortController();
    const policy = scriptedPolicy(({ turns }) => {
      drain.abort();
      return turns.length === 0 ? MEND : SUBMIT;
    });
    const { play, store } = await rollouts({
      engine,
      policy,
      folder: await bench.folder(),
      sandboxes: 1,
      drain: drain.signal,
    });
    const [one, two] = await Promise.allSettled([play(1), play(2)]);
    expect(one).toMatchObject({ value: { result: { end: 'submitted' } } });
    expect(two).toMatchObject({ reason: { code: 'interrupted' } });
    expect([...store.known().keys()]).toEqual(['owner__name-1#1']);
  });

  test('a kill leaves episodes as they are, with no container', async () => {
    const engine = bench.engine();
    const kill = new AbortController();
    const folder = await bench.folder();
    const policy = scriptedPolicy(async ({ turns }) => {
      if (turns.length === 1) kill.abort(new Error('killed'));
      return says('sleep 30');
    });
    const quick = scriptedPolicy(({ turns }, signal) =>
      turns.length === 0 ? says('echo 1') : policy.sample({ messages: [], turns }, signal),
    );
    const { play, store } = await rollouts({ engine, policy: quick, folder, signal: kill.signal });
    await expect(play(1)).rejects.toThrow('killed');
    expect(engine.alive.size).toBe(0);
    await store.close();
    expect(await collect(readTrajectories(folder))).toMatchObject([{ turns: [{ index: 1 }] }]);
    expect((await collect(readTrajectories(folder)))[0]?.result).toBeUndefined();
  });

  test('nothing that can be recorded: no answer is asked for that would be lost', async () => {
    const engine = bench.engine();
    const folder = await bench.folder();
    const store = await openStore(folder);
    const full = new AssayError('disk_full', 'no space left');
    const policy = scriptedPolicy(() => says('echo 1'));
    const append: typeof store.append = (line) =>
      line.type === 'episode' ? store.append(line) : Promise.reject(full);
    const { play } = await rollouts({ engine, policy, folder, store: { ...store, append } });
    await expect(play(1)).rejects.toBe(full);
    expect([policy.asked.length, engine.alive.size]).toEqual([1, 0]);
  });
});

describe('the queues of rollouts', () => {
  test('hold no more sandboxes and no more requests than their limits', async () => {
    const engine = bench.engine();
    let asking = 0;
    let most = 0;
    const policy = scriptedPolicy(async ({ turns }) => {
      most = Math.max(most, ++asking);
      await new Promise((resolve) => setTimeout(resolve, 20));
      asking--;
      return turns.length < 2 ? says('true') : SUBMIT;
    });
    const { play } = await rollouts({
      engine,
      policy,
      folder: await bench.folder(),
      sandboxes: 3,
      modelCalls: 2,
    });
    const ends = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((sample) => play(sample)));
    expect(ends.map(({ result }) => result.end)).toEqual(Array(7).fill('submitted'));
    expect([engine.most(), most]).toEqual([3, 2]);
  });

  test('let no slow episode hold up another one: neither a slow model, nor a slow command, nor a slow start', async () => {
    const engine = bench.engine();
    const released = gate();
    const slow = new Set<number>();
    engine.onStart = async ({ name }) => {
      if (name === 'test.3') await released.opened;
    };
    const policy = scriptedPolicy(async ({ messages, turns }) => {
      const sample = Number(/sample (\d)/.exec(messages[1]?.content ?? '')?.[1]);
      slow.add(sample);
      if (sample === 1) await released.opened;
      if (sample === 2 && turns.length === 0) return says('while [ ! -e go ]; do sleep 0.05; done');
      return turns.length < 2 ? says('true') : SUBMIT;
    });
    const { play } = await rollouts({
      engine,
      policy,
      folder: await bench.folder(),
      sandboxes: 4,
      modelCalls: 2,
    });
    const begin = (sample: number) => {
      const { instance } = taskWords(sample);
      return play(sample, undefined, { instance });
    };
    const held = [1, 2, 3].map(begin);
    const others = await Promise.all([4, 5, 6, 7].map(begin));
    expect(others.map(({ result }) => result.end)).toEqual(Array(4).fill('submitted'));
    released.open();
    for (const container of engine.alive.values())
      await container.put([{ path: '/testbed/go', content: '' }], AbortSignal.timeout(5000));
    expect((await Promise.all(held)).map(({ result }) => result.end)).toEqual(Array(3).fill('submitted'));
  });
});

/** An issue that names the sample, so that a policy knows who asks. */
function taskWords(sample: number) {
  return {
    instance: {
      instanceId: 'owner__name-1',
      repo: 'owner/name',
      problemStatement: `This is sample ${sample}.`,
      rowHash: 'f00d',
    },
  };
}
