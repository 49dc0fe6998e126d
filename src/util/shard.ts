import { AssayError } from '../errors.js';
import { sha256 } from './hash.js';

export interface Shard {
  /** From 1 to `count`. */
  readonly index: number;
  readonly count: number;
}

/** `2/5` as numbers; `usage` for anything else. */
export function parseShard(text: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || index < 1 || index > count)
    throw new AssayError('usage', `--shard ${text}: expected i/n with i from 1 to n, e.g. 2/5`);
  return { index, count };
}

/** The shard, 1 to `count`, that an instance always falls into: the first 48 bits of sha256(id) modulo `count`. */
export function shardOf(instanceId: string, count: number): number {
  return (Number.parseInt(sha256(instanceId).slice(0, 12), 16) % count) + 1;
}

/** Those of a shard such as `2/5`, in the same order; all of them where there is no shard. */
export function inShard<T extends { readonly instanceId: string }>(
  items: readonly T[],
  shard: string | undefined,
): readonly T[] {
  if (shard === undefined) return items;
  const { index, count } = parseShard(shard);
  return items.filter(({ instanceId }) => shardOf(instanceId, count) === index);
}
