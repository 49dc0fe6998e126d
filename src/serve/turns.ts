/** What waits, of many clients: they take turns, so that one that asks for much doesn't keep the others waiting. */
export interface Turns<T> {
  push(client: string, one: T): void;
  /** The next one, or undefined when nothing waits. */
  shift(): T | undefined;
}

export function createTurns<T>(): Turns<T> {
  // The order of a map is that of insertion: its first client is the one that waits longest for a turn.
  const waiting = new Map<string, T[]>();
  return {
    push(client, one) {
      const own = waiting.get(client);
      if (own === undefined) waiting.set(client, [one]);
      else own.push(one);
    },
    shift() {
      const [next] = waiting;
      if (next === undefined) return undefined;
      const [client, own] = next;
      const one = own.shift();
      waiting.delete(client);
      if (own.length > 0) waiting.set(client, own);
      return one;
    },
  };
}
