import { PassThrough, pipeline, Readable } from 'node:stream';
import type Docker from 'dockerode';
import { AssayError } from '../../errors.js';
import { abortError, type CallOptions, call, toEngineError } from './call.js';

/** A tar ends with two blocks of zeros. */
const TAR_END = Buffer.alloc(1024);

/**
 * Sends a stream as the body of the request that `send` makes: a stream that fails or ends early fails the request, which would
 * otherwise wait for ever, and the stream is destroyed when the request is over.
 */
export async function upload<T>(stream: Readable, send: (body: Readable) => Promise<T>): Promise<T> {
  const body = pipeline(stream, new PassThrough(), () => {});
  try {
    return await send(body);
  } finally {
    body.destroy();
    stream.destroy();
  }
}

/** Unpacks a tar at the root of a container. */
export async function putArchive(
  container: Docker.Container,
  tar: Readable,
  signal: AbortSignal,
): Promise<void> {
  const what = `put an archive into container ${container.id.slice(0, 12)}`;
  await call({ what, signal }, (abortSignal) =>
    upload(tar, (body) => container.putArchive(body, { path: '/', abortSignal })),
  );
}

/** A file or folder of a container as a tar. */
export async function readArchive(
  container: Docker.Container,
  path: string,
  signal: AbortSignal,
): Promise<Readable> {
  const options = { what: `read ${path} of container ${container.id.slice(0, 12)}`, signal };
  const answer = (await call(options, (abortSignal) =>
    container.getArchive({ path, abortSignal } as { path: string }),
  )) as Readable;
  return wholeArchive(answer, options);
}

/** The tar of an answer; an error where the engine stops before its end, which it may do without an error of HTTP. */
export function wholeArchive(answer: Readable, options: CallOptions): Readable {
  async function* pieces(): AsyncGenerator<Buffer> {
    let tail = Buffer.alloc(0);
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        yield chunk;
        tail = Buffer.concat([tail, chunk.subarray(-TAR_END.length)]).subarray(-TAR_END.length);
      }
    } catch (error) {
      throw options.signal.aborted ? abortError(options.signal, options.what) : toEngineError(error, options);
    }
    if (!tail.equals(TAR_END)) {
      throw new AssayError('engine_failed', `docker: ${options.what}: the archive ended too early`);
    }
  }
  return Readable.from(pieces(), { objectMode: false }).once('close', () => answer.destroy());
}
