/** Time as a dependency; `src/cli` passes the real one, tests a fake one. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Wall time as ISO 8601 in UTC. */
  iso(): string;
  /** Calls `fire` once after `ms`; returns a function that cancels. */
  after(ms: number, fire: () => void): () => void;
}
