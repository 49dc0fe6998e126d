/** A map that forgets what was used longest ago when it holds more than `most`. */
export interface Cache<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
}

/** `sizeOf` and `most` in one unit, e.g. bytes; a value larger than that is not kept. */
export function createCache<V>(most: number, sizeOf: (value: V) => number): Cache<V> {
  const values = new Map<string, V>();
  let held = 0;
  const drop = (key: string) => {
    const value = values.get(key);
    if (value === undefined) return;
    values.delete(key);
    held -= sizeOf(value);
  };
  return {
    get(key) {
      const value = values.get(key);
      if (value === undefined) return undefined;
      // The order of a map is that of insertion.
      values.delete(key);
      values.set(key, value);
      return value;
    },
    set(key, value) {
      drop(key);
      values.set(key, value);
      held += sizeOf(value);
      for (const oldest of values.keys()) {
        if (held <= most) break;
        drop(oldest);
      }
    },
    delete: drop,
  };
}
