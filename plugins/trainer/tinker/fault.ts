import { AssayError, cut, type ErrorCode, harmless } from '../../../src/index.js';

/** Why one request failed. */
export class Fault extends Error {
  constructor(
    message: string,
    /** `unsent`: it can't have arrived; `lost`: it may have; `late`: no answer in time; else the status of the answer. */
    readonly kind: 'unsent' | 'lost' | 'late' | number,
    /** Seconds that the server asks to wait. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** Requests that may be taken when they come again: 425 is a checkpoint that is still being written. */
const MAY_PASS = [408, 425, 429];
/** Statuses of a request that is wrong, or not allowed. 409: its number was used for another one. */
const REFUSALS = [400, 401, 402, 403, 404, 405, 413, 415, 422];

/** The same request may be answered later. */
export function mayPass({ kind }: Fault): boolean {
  return typeof kind !== 'number' || kind >= 500 || MAY_PASS.includes(kind);
}

/** The server may have taken the request, though it didn't say so. */
export function mayBeTaken({ kind }: Fault): boolean {
  return typeof kind === 'number' ? kind === 408 || kind >= 500 : kind !== 'unsent';
}

/** Our code for a request that isn't sent again. */
export function codeOf({ kind }: Fault): ErrorCode {
  if (kind === 409) return 'internal';
  return typeof kind === 'number' && REFUSALS.includes(kind) ? 'trainer_refused' : 'trainer_failed';
}

const OUT_OF_MEMORY = /out of memory|RESOURCE_EXHAUSTED|OutOfMemory/i;

/** The error of a request that was taken and failed. SkyRL names no category: only its words tell what went wrong. */
export function failure(what: string, words: string, category: unknown): AssayError {
  const message = `${what}: ${cut(harmless(words), 600)}`;
  if (OUT_OF_MEMORY.test(words)) return new AssayError('trainer_out_of_memory', message);
  return new AssayError(category === 'user' ? 'trainer_refused' : 'trainer_failed', message);
}
