/** A bucket that holds up to `capacity` tokens and gains `perSecond` of them each second. It starts full. */
export class TokenBucket {
  #capacity;
  #perMs;
  #tokens;
  #updated;
  #now;

  constructor({ capacity, perSecond, now = Date.now }) {
    this.#capacity = capacity;
    this.#perMs = perSecond / 1000;
    this.#tokens = capacity;
    this.#now = now;
    this.#updated = now();
  }

  get tokens() {
    this.#refill();
    return this.#tokens;
  }

  /** Takes tokens if there are enough, and says whether it did. */
  tryTake(count = 1) {
    this.#refill();
    if (count > this.#tokens) return false;
    this.#tokens -= count;
    return true;
  }

  /** Milliseconds until `count` tokens are there. */
  waitTime(count = 1) {
    if (count > this.#capacity) throw new RangeError(`${count} tokens never fit into ${this.#capacity}`);
    this.#refill();
    return Math.ceil((count - this.#tokens) / this.#perMs);
  }

  #refill() {
    const now = this.#now();
    const gained = Math.floor((now - this.#updated) * this.#perMs);
    this.#tokens = Math.min(this.#capacity, this.#tokens + gained);
    this.#updated = now;
  }
}
