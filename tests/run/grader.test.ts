import { describe, expect, test } from '@jest/globals';
import { localGrader } from '../../src/run/grader.js';
import type { Task } from '../../src/run/task.js';
import type { Clock } from '../../src/util/clock.js';
import { fakeEngine } from '../helpers/fake-engine.js';
import { testClock, testContext, testProfile, testSpec } from '../helpers/jobs.js';

const task: Task = {
  key: 'k',
  asked: { instance_id: 'a', patch: null, strict: false, profile: 'v5' },
  spec: testSpec('a'),
  profile: testProfile,
  strict: false,
};

/** Real timers, and how many of them wait. */
function countingClock() {
  const clock = testClock();
  const waiting = new Set<symbol>();
  const counting: Clock = {
    ...clock,
    after(ms, fire) {
      const one = Symbol();
      waiting.add(one);
      const cancel = clock.after(ms, () => {
        waiting.delete(one);
        fire();
      });
      return () => {
        waiting.delete(one);
        cancel();
      };
    },
  };
  return { clock: counting, waiting };
}

async function announced(milliseconds: number) {
  const engine = fakeEngine();
  const { clock, waiting } = countingClock();
  const grader = localGrader({
    context: await testContext(engine, { clock }),
    begin: async () => {
      throw new Error('nothing is graded here');
    },
    retries: 0,
    warm: { containers: 1, milliseconds },
    onWarning: () => undefined,
  });
  expect(grader.prepare(task)).toBe(true);
  return { engine, grader, waiting };
}

describe('containers of announced instances', () => {
  test('are gone when the service ends, and nothing of them keeps it alive', async () => {
    const { engine, grader, waiting } = await announced(600_000);
    expect(grader.prepare(task)).toBe(false);
    expect(waiting.size).toBe(1);
    await grader.finish();
    expect(waiting.size).toBe(0);
    expect(engine.started).toHaveLength(1);
    expect(engine.alive.size).toBe(0);
  });

  test('are given up after their time', async () => {
    const { engine, grader } = await announced(20);
    while (grader.warm() > 0 || engine.alive.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(engine.started).toHaveLength(1);
    expect(grader.prepare(task)).toBe(true);
    await grader.finish();
  });
});
