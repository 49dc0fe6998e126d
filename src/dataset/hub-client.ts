import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { AssayError } from '../errors.js';
import { messageOf } from '../util/words.js';
import type { HubSettings } from './hub.js';

/** Far more than a dataset needs; ends a server's endless paging. */
const MAX_REQUESTS = 500;
const MAX_FILES = 20_000;

/** A file of a dataset repository, as listed by the Hub. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** Name of its blob in the cache: sha256 of an LFS file, else the git blob id. */
  readonly etag: string;
}

/** What we ask of the Hub. Every method rejects with AssayError, after retries where these can help. */
export interface HubClient {
  /** The commit that a branch, tag or commit stands for. */
  resolve(revision: string): Promise<string>;
  list(commit: string): Promise<readonly HubFile[]>;
  /** Writes the file's bytes to `target`; `check` throws when they are wrong, and then it is tried again. */
  download(options: {
    readonly commit: string;
    readonly path: string;
    readonly target: string;
    readonly check: () => Promise<void>;
  }): Promise<void>;
}

/** A client for one dataset. The Hub library is loaded on first use. */
export function hubClient(dataset: string, settings: HubSettings): HubClient {
  if (!/^https?:/.test(settings.endpoint) || !URL.canParse(settings.endpoint))
    throw new AssayError(
      'usage',
      `HF_ENDPOINT ${settings.endpoint}: expected a URL such as https://huggingface.co`,
    );
  const request = politeFetch(settings);
  const common = {
    repo: { type: 'dataset', name: dataset } as const,
    hubUrl: settings.endpoint,
    fetch: request,
  };
  const ask = <T>(what: string, act: () => Promise<T>) => retried({ dataset, what, settings }, act);

  return {
    resolve: (revision) =>
      ask(`revision ${revision}`, async () => {
        const { datasetInfo } = await import('@huggingface/hub');
        const info = await datasetInfo({ ...common, name: dataset, revision, additionalFields: ['sha'] });
        if (typeof info.sha !== 'string' || !/^[0-9a-f]{40}$/.test(info.sha))
          throw new Fault('the answer holds no commit', false);
        return info.sha;
      }),
    list: (commit) =>
      ask(`files of ${commit}`, async () => {
        const { listFiles } = await import('@huggingface/hub');
        const files: HubFile[] = [];
        for await (const entry of listFiles({ ...common, revision: commit, recursive: true })) {
          if (entry?.type !== 'file') continue;
          const etag = entry.lfs?.oid ?? entry.oid;
          if (typeof entry.path !== 'string' || typeof etag !== 'string' || !/^[0-9a-f]{40,64}$/.test(etag))
            throw new Fault('the answer holds a file without path or hash', false);
          files.push({ path: entry.path, size: entry.lfs?.size ?? entry.size, etag });
          if (files.length > MAX_FILES) throw new Fault(`more than ${MAX_FILES} files`, false);
        }
        return files;
      }),
    download: ({ commit, path, target, check }) =>
      ask(path, async () => {
        const { downloadFile } = await import('@huggingface/hub');
        const blob = await downloadFile({ ...common, revision: commit, path, xet: false });
        if (blob === null) throw new Fault(`${path} is not in the repository`, false);
        await pipeline(Readable.fromWeb(blob.stream() as ReadableStream), createWriteStream(target));
        await check();
      }),
  };
}

/** A failure of the Hub that we tell apart ourselves. */
export class Fault extends Error {
  constructor(
    message: string,
    readonly retryable: boolean,
    readonly waitMs = 0,
  ) {
    super(message);
  }
}

/**
 * `fetch` that gives up on a silent server and turns 429 and 5xx into retryable faults. It adds the token itself: the
 * library takes only tokens that start with `hf_`, which those of private mirrors don't.
 */
function politeFetch(settings: HubSettings): typeof fetch {
  const idleMs = settings.idleMs ?? 30_000;
  const send = settings.fetch ?? fetch;
  const isHub = (input: string | URL | Request) =>
    new URL(input instanceof Request ? input.url : input).origin === new URL(settings.endpoint).origin;
  let count = 0;
  return async (input, init) => {
    if (++count > MAX_REQUESTS) throw new Fault(`more than ${MAX_REQUESTS} requests for one dataset`, false);
    const silence = new AbortController();
    const fail = () => silence.abort(new Fault(`no answer for ${idleMs / 1000} s`, true));
    let timer = setTimeout(fail, idleMs);
    const alive = () => {
      clearTimeout(timer);
      // An answer that nobody reads must not keep the process.
      timer = setTimeout(fail, idleMs).unref();
    };
    const done = () => clearTimeout(timer);
    try {
      const headers = new Headers(init?.headers);
      if (settings.token !== undefined && isHub(input))
        headers.set('authorization', `Bearer ${settings.token}`);
      const response = await send(input, { ...init, headers, signal: silence.signal });
      if (response.status === 429 || response.status >= 500) {
        await response.body?.cancel();
        const wait = Number(response.headers.get('retry-after'));
        throw new Fault(`status ${response.status}`, true, wait > 0 ? Math.min(wait, 60) * 1000 : 0);
      }
      alive();
      const body = response.body?.pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            alive();
            controller.enqueue(chunk);
          },
          flush: done,
        }),
      );
      if (body === undefined) done();
      return new Response(body ?? null, response);
    } catch (error) {
      done();
      throw error;
    }
  };
}

async function retried<T>(
  about: { readonly dataset: string; readonly what: string; readonly settings: HubSettings },
  act: () => Promise<T>,
): Promise<T> {
  const { dataset, what, settings } = about;
  const { default: pRetry } = await import('p-retry');
  try {
    return await pRetry(() => act().catch((error) => Promise.reject(asFault(error))), {
      retries: settings.retries ?? 4,
      minTimeout: settings.retryDelayMs ?? 1000,
      maxTimeout: 30_000,
      shouldRetry: ({ error }) => error instanceof Fault && error.retryable,
      onFailedAttempt: ({ error, retriesLeft }) =>
        error instanceof Fault && error.waitMs > 0 && retriesLeft > 0
          ? new Promise((resolve) => setTimeout(resolve, error.waitMs))
          : undefined,
    });
  } catch (error) {
    throw explain(error, { dataset, what, endpoint: settings.endpoint });
  }
}

/** Network failures can be retried; an answer that isn't the Hub's can't. */
function asFault(error: unknown): Error {
  const { name, code, cause } = error as { name?: unknown; code?: unknown; cause?: unknown };
  if (error instanceof Fault || error instanceof AssayError) return error;
  if (cause instanceof Fault) return cause;
  if (statusOf(error) !== undefined) return error as Error;
  if (code === 'ENOSPC')
    return new AssayError('disk_full', `no space for the dataset: ${messageOf(error)}`, { cause: error });
  // `fetch` reports a failed connection as a TypeError with a cause.
  if (name === 'SyntaxError' || (name === 'TypeError' && cause === undefined))
    return new Fault("the answer is not the Hub's", false);
  return new Fault(`${messageOf(error)}${cause === undefined ? '' : `: ${messageOf(cause)}`}`, true);
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : undefined;
}

function explain(
  error: unknown,
  about: { readonly dataset: string; readonly what: string; readonly endpoint: string },
): AssayError {
  if (error instanceof AssayError) return error;
  const message = messageOf(error);
  const status = statusOf(error);
  const at = `${about.dataset} (${about.what}) at ${about.endpoint}`;
  if (status === 404) return new AssayError('unknown_dataset', `${at}: not found`, { detail: message });
  if (status === 401 || status === 403)
    return new AssayError('hub_unavailable', `${at}: access denied (${status}): private, gated or misspelt`, {
      detail: message,
    });
  return new AssayError('hub_unavailable', `${at}: ${message}`, { cause: error });
}
