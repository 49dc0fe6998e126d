/** Keeps the `max` most recently used entries, each for at most `ttl` ms after it was set. */
export class LruCache {
  #entries = new Map();
  #max;
  #ttl;
  #now;

  constructor({ max, ttl = Number.POSITIVE_INFINITY, now = Date.now }) {
    if (!Number.isInteger(max) || max < 1) throw new RangeError(`max must be a positive integer, got ${max}`);
    this.#max = max;
    this.#ttl = ttl;
    this.#now = now;
  }

  get size() {
    return this.#entries.size;
  }

  keys() {
    return [...this.#entries.keys()];
  }

  has(key) {
    return this.#live(key) !== undefined;
  }

  get(key) {
    const entry = this.#live(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key, value) {
    const entry = this.#entries.get(key);
    if (entry) {
      entry.value = value;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return this;
    }
    if (this.#entries.size >= this.#max) this.#entries.delete(this.#entries.keys().next().value);
    this.#entries.set(key, { value, expires: this.#now() + this.#ttl });
    return this;
  }

  delete(key) {
    return this.#entries.delete(key);
  }

  #live(key) {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#now() < entry.expires) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}
