import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { AssayError } from '../errors.js';

/** Who asks: a name by its token, or else an address. */
export interface Clients {
  /** Throws `unauthorized` for a request without a token that is known. */
  check(request: FastifyRequest): void;
  nameOf(request: FastifyRequest): string;
  /** Does `work` while the client waits for it; throws `client_busy` when it waits for too much already. */
  waiting<T>(request: FastifyRequest, work: () => Promise<T>): Promise<T>;
  /** From now on the client waits, until the returned function is called; throws like `waiting`. */
  enter(request: FastifyRequest): () => void;
}

interface ClientsOptions {
  readonly tokens?: ReadonlyMap<string, string>;
  readonly clientConcurrency: number;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

export function clientsOf({ tokens, clientConcurrency }: ClientsOptions): Clients {
  const known = tokens && [...tokens].map(([token, name]) => ({ name, digest: digest(token) }));
  const names = new WeakMap<FastifyRequest, string>();
  const waits = new Map<string, number>();
  const nameOf = (request: FastifyRequest) => names.get(request) ?? request.ip;
  const enter = (request: FastifyRequest) => {
    const name = nameOf(request);
    const count = waits.get(name) ?? 0;
    if (count >= clientConcurrency)
      throw new AssayError('client_busy', `this client waits for ${count} answers already`);
    waits.set(name, count + 1);
    return () => {
      const left = (waits.get(name) ?? 1) - 1;
      if (left === 0) waits.delete(name);
      else waits.set(name, left);
    };
  };
  return {
    check(request) {
      if (known === undefined) return;
      const given = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1];
      const hash = digest(given ?? '');
      // All of them are compared, so that the time tells nothing.
      const matches = known.filter((one) => timingSafeEqual(one.digest, hash));
      if (given === undefined || matches[0] === undefined)
        throw new AssayError('unauthorized', given === undefined ? 'no bearer token' : 'an unknown token');
      names.set(request, matches[0].name);
    },
    nameOf,
    async waiting(request, work) {
      const leave = enter(request);
      return work().finally(leave);
    },
    enter,
  };
}
