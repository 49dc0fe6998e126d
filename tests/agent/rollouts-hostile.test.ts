import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AssayError, type Container } from '../../src/index.js';
import { SUBMIT, says, scriptedPolicy } from './episode-helpers.js';
import { rolloutBench, rollouts, type WatchedEngine } from './rollouts-helpers.js';

const MEND = says("sed -i 's/a - b/a + b/' lib/sum.js");

let bench: Awaited<ReturnType<typeof rolloutBench>>;
beforeAll(async () => {
  bench = await rolloutBench();
});
afterAll(async () => {
  expect(await bench.bench.workspaces()).toEqual([]);
  await bench.remove();
});

/** The engine, with containers that behave in another way. */
function changed(change: (container: Container) => Partial<Container>): WatchedEngine {
  const engine = bench.engine();
  const { start } = engine.containers;
  engine.containers.start = async (spec, signal) => {
    const container = await start(spec, signal);
    return { ...container, ...change(container) };
  };
  return engine;
}

describe('what an episode does to its sandbox is no fault of the machine', () => {
  test('a shell that can be had no more ends it, with the turn that did it', async () => {
    let shells = 0;
    const engine = changed((container) => ({
      // A command that removes the shell from the image leaves the one that runs.
      exec: (request) =>
        request.stdin !== undefined && ++shells > 1
          ? Promise.resolve({ exitCode: 127, oomKilled: false })
          : container.exec(request),
    }));
    // The supervisor is the parent of the shell's parent.
    const policy = scriptedPolicy(() =>
      says(
        'read -r _ _ _ up _ </proc/$PPID/stat; [ "$up" -gt 1 ] && [ "$(cat /proc/$up/comm)" = bash ] && kill -9 $up $PPID $$',
      ),
    );
    const { play, events, warnings } = await rollouts({ engine, policy, folder: await bench.folder() });
    const { result } = await play(1);
    expect(result).toMatchObject({ end: 'sandbox_broken', turns: 1, patch: '' });
    expect([policy.asked.length, engine.started.length, warnings]).toEqual([1, 1, []]);
    const turn = events.find((event) => event.type === 'turn');
    expect(turn?.turn.observation).toContain('[the shell had ended, and no other one can be started]');
  });

  test('a sandbox that has written more than it may ends it', async () => {
    const engine = changed(() => ({ isOverDisk: async () => true }));
    const policy = scriptedPolicy(() => says('sleep 60'));
    const { play, warnings } = await rollouts({ engine, policy, folder: await bench.folder() });
    expect((await play(1)).result).toMatchObject({
      ...{ end: 'sandbox_broken', patch: null, detail: 'it wrote more to the disk than it may' },
    });
    expect([policy.asked.length, engine.started.length, warnings]).toEqual([1, 1, []]);
  });

  const withoutDiff = (failures: number) => {
    let diffs = 0;
    return changed((container) => ({
      exec(request) {
        const isDiff = request.argv.some((arg) => arg.includes(' diff ')) && ++diffs <= failures;
        if (isDiff) throw new AssayError('engine_failed', 'the connection was cut');
        return container.exec(request);
      },
    }));
  };

  test('a diff that fails once is asked for again in another container', async () => {
    const engine = withoutDiff(1);
    const policy = scriptedPolicy([MEND, SUBMIT]);
    const { play } = await rollouts({ engine, policy, folder: await bench.folder() });
    const { result } = await play(1);
    expect(result).toMatchObject({ end: 'submitted', patch: expect.stringContaining('a + b') });
    expect([policy.asked.length, engine.started.length]).toEqual([2, 2]);
  });

  test('an episode that no container has a diff of was submitted without one', async () => {
    const engine = withoutDiff(3);
    const policy = scriptedPolicy([MEND, SUBMIT]);
    const { play } = await rollouts({ engine, policy, folder: await bench.folder() });
    const { result } = await play(1);
    expect(result).toMatchObject({ end: 'submitted', patch: null, detail: expect.stringMatching(/cut/) });
    expect([policy.asked.length, engine.started.length]).toEqual([2, 3]);
  });

  test('without a further try it stays a fault of the machine', async () => {
    const policy = scriptedPolicy([MEND, SUBMIT]);
    const folder = await bench.folder();
    const { play } = await rollouts({ engine: withoutDiff(1), policy, folder, retries: 0 });
    expect((await play(1)).result).toMatchObject({ end: 'sandbox_error', patch: null });
  });
});

test('a conversation that the server refuses for what was said in it ends no other one', async () => {
  const engine = bench.engine();
  const refusal = new AssayError('conversation_refused', 'the service withheld the answer');
  const policy = scriptedPolicy(({ turns }) => {
    if (turns.length === 0) return MEND;
    if (policy.asked.length === 2) throw refusal;
    return SUBMIT;
  });
  const { play } = await rollouts({ engine, policy, folder: await bench.folder(), sandboxes: 1 });
  const ends = await Promise.all([1, 2].map(async (sample) => (await play(sample)).result));
  expect(ends).toMatchObject([
    { end: 'policy_error', turns: 1, detail: expect.stringContaining('conversation_refused') },
    { end: 'submitted', turns: 2 },
  ]);
});
