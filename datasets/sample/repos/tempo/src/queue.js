/** Runs tasks (functions that may return a promise) at most `concurrency` at a time, in order of `add`. */
export class TaskQueue {
  #waiting = [];
  #running = 0;
  #concurrency;

  constructor({ concurrency = 1 } = {}) {
    if (!(concurrency >= 1)) throw new RangeError(`concurrency must be at least 1, got ${concurrency}`);
    this.#concurrency = concurrency;
  }

  get running() {
    return this.#running;
  }

  get waiting() {
    return this.#waiting.length;
  }

  /** Settles as the task does. */
  add(task) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject });
      this.#next();
    });
  }

  #next() {
    while (this.#running < this.#concurrency && this.#waiting.length > 0) {
      const { task, resolve, reject } = this.#waiting.shift();
      this.#running += 1;
      this.#start(task).then(resolve, reject);
    }
  }

  async #start(task) {
    const result = await task();
    this.#running -= 1;
    this.#next();
    return result;
  }
}

/** `map` of an array by an async function, at most `limit` calls at a time; fails with the first failure. */
export async function mapLimit(items, limit, map) {
  const results = [];
  let next = 0;
  async function worker() {
    while (next < items.length) {
      const index = next;
      next += 1;
      results.push(await map(items[index], index));
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
