import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { problemsOf } from '../../plugins/dapo/problems.js';

const poolOf = (size: number) => Array.from({ length: size }, (_, index) => `i${index}`);

describe('the problems of an iteration', () => {
  it('cover the pool before one comes again', () => {
    const pool = poolOf(12);
    const seen = [0, 1, 2].flatMap((iteration) => problemsOf({ seed: 1, iteration, count: 4, pool }));
    expect(seen.toSorted()).toEqual(pool.toSorted());
  });

  it('come in another order the second time', () => {
    const pool = poolOf(20);
    const [first, second] = [0, 1].map((iteration) => problemsOf({ seed: 1, iteration, count: 20, pool }));
    expect(second).not.toEqual(first);
    expect(second?.toSorted()).toEqual(first?.toSorted());
  });

  it('depend on the seed, and not on the order of the pool or on repetitions in it', () => {
    const pool = poolOf(30);
    const at = { seed: 5, iteration: 3, count: 7 };
    const found = problemsOf({ ...at, pool });
    expect(problemsOf({ ...at, pool: [...pool.toReversed(), 'i3'] })).toEqual(found);
    expect(problemsOf({ ...at, seed: 6, pool })).not.toEqual(found);
  });

  it('are the whole pool where it is smaller, and none of an empty one', () => {
    expect(problemsOf({ seed: 1, iteration: 9, count: 10, pool: poolOf(3) }).toSorted()).toEqual(poolOf(3));
    expect(problemsOf({ seed: 1, iteration: 9, count: 10, pool: [] })).toEqual([]);
  });

  it('are never twice in an iteration, and over many iterations equally often', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 1, max: 25 }),
        (seed, size, count) => {
          const pool = poolOf(size);
          const times = new Map(pool.map((id) => [id, 0]));
          for (let iteration = 0; iteration < 2 * size; iteration++) {
            const found = problemsOf({ seed, iteration, count, pool });
            expect(new Set(found).size).toBe(Math.min(count, size));
            for (const id of found) times.set(id, (times.get(id) ?? 0) + 1);
          }
          // 2 x size iterations of `count` problems: each as often as the other.
          expect(new Set(times.values())).toEqual(new Set([2 * Math.min(count, size)]));
        },
      ),
      { numRuns: 50 },
    );
  });
});
