function defaultKey(args) {
  return args.join(',');
}

/** A function that remembers its results; `key(args)` tells calls apart. */
export function memoize(compute, { key = defaultKey, cache = new Map() } = {}) {
  return (...args) => {
    const id = key(args);
    if (cache.has(id)) return cache.get(id);
    const value = compute(...args);
    cache.set(id, value);
    return value;
  };
}

/** The same for functions that return promises. A failure isn't remembered. */
export function memoizeAsync(load, { key = defaultKey, cache = new Map() } = {}) {
  return async (...args) => {
    const id = key(args);
    if (cache.has(id)) return cache.get(id);
    const value = await load(...args);
    cache.set(id, value);
    return value;
  };
}
