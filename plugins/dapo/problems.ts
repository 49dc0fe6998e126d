import { seededRandom, shuffled } from '../../src/index.js';
import { seedOf } from '../trainer/seed.js';

/**
 * The problems of an iteration, counted from 0: the pool in an order of the seed, without replacement until it is through, then in another order. No problem twice in one
 * iteration; a pool that is smaller than `count` is taken as a whole. The order of the pool doesn't matter.
 */
export function problemsOf(options: {
  readonly seed: number;
  readonly iteration: number;
  readonly count: number;
  readonly pool: readonly string[];
}): readonly string[] {
  const { seed, iteration } = options;
  const pool = [...new Set(options.pool)].sort();
  const count = Math.min(options.count, pool.length);
  if (count === 0) return [];
  let queue: readonly string[] = [];
  for (let index = 0, round = 0; ; index++) {
    if (queue.length < count) {
      const order = shuffled(pool, seededRandom(seedOf(seed, 'problems', round++)));
      // What is left of the last round is in this iteration already: it comes last in the new one.
      const left = new Set(queue);
      queue = [...queue, ...order.filter((id) => !left.has(id)), ...order.filter((id) => left.has(id))];
    }
    if (index === iteration) return queue.slice(0, count);
    queue = queue.slice(count);
  }
}
