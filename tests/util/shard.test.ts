import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inShard, shardOf } from '../../src/util/shard.js';

const items = (size: number) => Array.from({ length: size }, (_, n) => ({ instanceId: `demo__adder-${n}` }));

describe('shards', () => {
  test('cover everything once, in the same order, and stay when the set grows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 12 }), (count, size) => {
        const some = items(size);
        const shards = Array.from({ length: count }, (_, i) => inShard(some, `${i + 1}/${count}`));
        expect(new Set(shards.flat())).toEqual(new Set(some));
        expect(shards.flat()).toHaveLength(size);
        for (const [i, shard] of shards.entries()) {
          expect(shard).toEqual(some.filter((item) => shard.includes(item)));
          const ofMore = inShard(items(size + 3), `${i + 1}/${count}`);
          expect(ofMore.slice(0, shard.length)).toEqual(shard);
        }
      }),
    );
  });

  test('are numbered from 1 by the first 48 bits of sha256', () => {
    // int(hashlib.sha256(b'demo__adder-1').hexdigest()[:12], 16) % 1000 + 1 in Python.
    expect(shardOf('demo__adder-1', 1000)).toBe(745);
  });

  test.each(['3/2', '0/2', '1', '1/0', 'a/b', '-1/2'])('%s is a usage error', (text) => {
    expect(() => inShard([], text)).toThrow(`--shard ${text}: expected i/n`);
  });
});
