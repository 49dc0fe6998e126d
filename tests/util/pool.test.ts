import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mapLimit } from '../../src/util/pool.js';

describe('mapLimit', () => {
  test('gives the results in the order of the items, with at most the limit at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 })),
        fc.integer({ min: 1, max: 8 }),
        async (items, limit) => {
          let running = 0;
          let most = 0;
          const results = await mapLimit(items, limit, async (item, index) => {
            most = Math.max(most, ++running);
            for (let turn = 0; turn < item; turn++) await Promise.resolve();
            running--;
            return `${index}:${item}`;
          });
          expect(results).toEqual(items.map((item, index) => `${index}:${item}`));
          expect(most).toBe(Math.min(limit, items.length));
        },
      ),
    );
  });

  test('rejects with the first error and starts nothing after it', async () => {
    const started: number[] = [];
    const work = async (item: number) => {
      started.push(item);
      await Promise.resolve();
      if (item === 2) throw new Error('the second');
      return item;
    };
    await expect(mapLimit([1, 2, 3, 4, 5, 6, 7, 8], 2, work)).rejects.toThrow('the second');
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(started.length).toBeLessThanOrEqual(4);
  });

  test('starts nothing for no items', async () => {
    expect(await mapLimit([], 4, () => Promise.reject(new Error('never')))).toEqual([]);
  });
});
