import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { AssayError, type ErrorCode } from '../../errors.js';
import type { TransferOptions } from '../engine.js';
import { registryLogin } from './auth.js';
import { call, codeOfWords } from './call.js';
import { readProgress } from './progress.js';

interface Transfer extends TransferOptions {
  readonly connected: () => Promise<Docker>;
  /** Folder of the logins that `docker login` left. */
  readonly configFolder: string | undefined;
}

interface Request extends Transfer {
  readonly what: string;
  /** Name of the image without tag or digest: it holds the registry. */
  readonly name: string;
  /** Code for failures that have no better one. */
  readonly otherwise: ErrorCode;
}

/** Splits `registry/name:tag` or `registry/name@digest`; without a tag it is `latest`, or the engine would pull all tags. */
export function splitRef(ref: string): { readonly name: string; readonly tag: string } {
  const at = ref.indexOf('@');
  if (at >= 0) return { name: ref.slice(0, at), tag: ref.slice(at + 1) };
  const colon = ref.lastIndexOf(':');
  if (colon > ref.lastIndexOf('/')) return { name: ref.slice(0, colon), tag: ref.slice(colon + 1) };
  return { name: ref, tag: 'latest' };
}

/** Has the engine talk to a registry, and reads its progress; gives the digest that it told, if any. */
async function transfer(
  { what, name, otherwise, signal, connected, configFolder, onProgress }: Request,
  ask: (docker: Docker, login: Docker.AuthConfig | undefined, signal: AbortSignal) => Promise<unknown>,
): Promise<string | undefined> {
  const noLogin = (error: unknown) => {
    onProgress?.(`${what}: without login, as ${configFolder} could not be used: ${(error as Error).message}`);
    return undefined;
  };
  const toError = (text: string) =>
    new AssayError(codeOfWords(text) ?? otherwise, `docker: ${what}: ${text}`);
  const docker = await call({ what, signal }, () => connected());
  let told: string | undefined;
  await call({ what, signal, otherwise }, async (abortSignal) => {
    const login =
      configFolder === undefined ? undefined : await registryLogin(name, configFolder).catch(noLogin);
    await readProgress(
      (await ask(docker, login, abortSignal)) as Readable,
      ({ id, status, digest }) => {
        told = digest ?? told;
        if (status !== undefined) onProgress?.(id === undefined ? status : `${id}: ${status}`);
      },
      toError,
    );
  });
  return told;
}

/** Has the engine pull an image; what is there afterwards is for the caller to see. */
export async function pull(ref: string, options: Transfer): Promise<void> {
  const { name, tag } = splitRef(ref);
  const what = `pull image ${ref}`;
  const request: Request = { ...options, what, name, otherwise: 'image_pull_failed' };
  await transfer(request, (docker, login, abortSignal) =>
    docker.createImage(login, { fromImage: name, tag, abortSignal }),
  );
}

/** Has the engine push an image; rejects too when the registry names no digest for it. */
export async function push(ref: string, options: Transfer): Promise<{ readonly digest: string }> {
  const { name, tag } = splitRef(ref);
  const what = `push image ${ref}`;
  const otherwise = 'image_push_failed';
  // an engine refuses a push without the header of a login, even an empty one
  const digest = await transfer({ ...options, what, name, otherwise }, (docker, login = {}, abortSignal) =>
    docker.getImage(name).push({ tag, authconfig: login, abortSignal } as Docker.ImagePushOptions),
  );
  if (digest !== undefined) return { digest };
  throw new AssayError(otherwise, `docker: ${what}: the engine reported no error, but no digest`);
}
