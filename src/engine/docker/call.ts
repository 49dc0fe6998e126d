import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { AssayError, type ErrorCode } from '../../errors.js';

/** What a call was about, for its error message: `pull image x`. */
export interface CallOptions {
  readonly what: string;
  readonly signal: AbortSignal;
  /** Code for failures that have no better one, default `engine_failed`. */
  readonly otherwise?: ErrorCode;
}

interface HttpError {
  readonly message: string;
  readonly statusCode?: number;
  readonly code?: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly json?: unknown;
}

const MAX_REASON = 500;

/** HTTP status of the engine's answer behind an error, if it had one. */
export function statusOf(error: unknown): number | undefined {
  const cause = error instanceof AssayError ? error.cause : error;
  return (cause as HttpError | undefined)?.statusCode;
}

/** The error to throw when `signal` aborted: its reason if that is ours, else `engine_failed` for a time limit and `interrupted`. */
export function abortError(signal: AbortSignal, what: string): AssayError {
  const reason: unknown = signal.reason;
  if (reason instanceof AssayError) return reason;
  if ((reason as { name?: unknown } | undefined)?.name === 'TimeoutError') {
    return new AssayError('engine_failed', `docker: no answer in time to: ${what}`);
  }
  return new AssayError('interrupted', `interrupted: ${what}`);
}

/** True for errors of any realm, and for the JSON that an engine sends with an error status. */
function isMessage(value: unknown): value is { message: string } {
  return typeof (value as { message?: unknown } | null | undefined)?.message === 'string';
}

/** The engine's own words, on one line and cut: an engine behind a broken proxy answers whole HTML pages. */
function reasonOf(error: HttpError): string {
  const said = isMessage(error.json)
    ? error.json.message
    : error.message.replace(/^\(HTTP code \d+\) [\w ,/]*? - /, '');
  const text = said.replace(/\s+/g, ' ').trim().slice(0, MAX_REASON);
  if (error.statusCode === undefined) return text;
  return `${text === '' ? 'an empty answer' : text} (HTTP ${error.statusCode})`;
}

/** The code that the words of an engine or a registry stand for; undefined when they say nothing that we know. */
export function codeOfWords(words: string): ErrorCode | undefined {
  if (/no space left on device|disk quota exceeded|ENOSPC/i.test(words)) return 'disk_full';
  if (/toomanyrequests|too many requests|rate limit|\bHTTP 429\b/i.test(words)) return 'image_pull_limited';
  if (
    /no such image|image does not exist locally|reference does not exist|manifest (for .* )?(unknown|not found)|repository .*(does not exist|not found)/i.test(
      words,
    )
  ) {
    return 'image_missing';
  }
  return undefined;
}

/** Why a socket can't be used, with what to do about it. */
function connectReason({ code, address, message }: HttpError): string {
  const where = address ?? 'the engine';
  if (code === 'ENOENT') return `${where} does not exist: is Docker installed and running?`;
  if (code === 'ECONNREFUSED') return `nothing listens on ${where}: start Docker`;
  if (code === 'EACCES' || code === 'EPERM') {
    return `no permission for ${where}: join its group (\`sudo usermod -aG docker $USER\`, then log in again)`;
  }
  return message;
}

/** Any error of a request as an AssayError, with the code that the engine's words stand for. */
export function toEngineError(error: unknown, { what, otherwise }: Omit<CallOptions, 'signal'>): AssayError {
  if (error instanceof AssayError) return error;
  const http: HttpError = isMessage(error) ? error : { message: String(error) };
  const unreachable =
    http.syscall === 'connect' || http.syscall === 'getaddrinfo' || http.code === 'ECONNREFUSED';
  if (unreachable) {
    return new AssayError('engine_unavailable', `docker: ${what}: ${connectReason(http)}`, { cause: error });
  }
  if (http.code === 'ECONNRESET' || http.code === 'EPIPE') {
    const message = `docker: ${what}: the engine closed the connection (${http.message}): was it restarted?`;
    return new AssayError('engine_failed', message, { cause: error });
  }
  const reason = reasonOf(http);
  const code = http.statusCode === 429 ? 'image_pull_limited' : codeOfWords(reason);
  return new AssayError(code ?? otherwise ?? 'engine_failed', `docker: ${what}: ${reason}`, { cause: error });
}

/**
 * Runs one request and rejects with AssayError only: at once when `signal` aborts, even if the request ignores it, and with the
 * code that the engine's answer stands for otherwise.
 */
export async function call<T>(options: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { signal, what } = options;
  if (signal.aborted) throw abortError(signal, what);
  let onAbort: () => void = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(abortError(signal, what));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work(signal), aborted]);
  } catch (error) {
    throw signal.aborted ? abortError(signal, what) : toEngineError(error, options);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A GET that dockerode lacks, or that can't be aborted there; `options` are its query, for a path that ends in `?`. */
export function get(
  docker: Docker,
  path: string,
  options: { readonly abortSignal: AbortSignal; readonly isStream?: boolean; readonly options?: object },
): Promise<unknown> {
  const request = { ...options, path, method: 'GET', statusCodes: { 200: true } };
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error: unknown, answer: unknown) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

/** Waits `ms` milliseconds, or rejects at once when `signal` aborts. */
export async function pause(ms: number, options: CallOptions): Promise<void> {
  await call(options, (signal) => sleep(ms, undefined, { signal }));
}

/** `value` if it is a non-empty string, else `engine_failed`: engines behind a broken proxy answer 200 with anything. */
export function expectText(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new AssayError('engine_failed', `docker: ${what}: the answer is not what an engine says`);
}

/** `value` if it is a list, else `engine_failed`. */
export function expectList(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new AssayError('engine_failed', `docker: ${what}: the answer is not what an engine says`);
}
