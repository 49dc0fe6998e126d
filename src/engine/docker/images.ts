import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { AssayError, type ErrorCode } from '../../errors.js';
import type { ImageEngine, ImageInfo } from '../engine.js';
import { upload, wholeArchive } from './archive.js';
import { call, codeOfWords, expectList, expectText, get, statusOf } from './call.js';
import { historyOf, sizesOf } from './history.js';
import { type ProgressLine, readProgress } from './progress.js';
import { pull, push, splitRef } from './transfer.js';

/** How long `list` and `remove` may take, in milliseconds. */
const ADMIN_MS = 120_000;

/** Names come from data sets and end up in the path of a request. */
function checked(ref: string): string {
  if (/^[A-Za-z0-9][\w.:@/-]*$/.test(ref) && !ref.includes('..')) return ref;
  throw new AssayError('image_missing', `not the name of an image: ${JSON.stringify(ref)}`);
}

/** The texts of a list; nothing where the engine says null, or nonsense. */
function textsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
}

function digestOf(ref: string, id: string, repoDigests: readonly string[]): string {
  const { name, tag } = splitRef(ref);
  const own =
    repoDigests.find((digest) => digest.endsWith(`@${tag}`)) ??
    repoDigests.find((digest) => digest.startsWith(`${name}@`)) ??
    repoDigests[0];
  return own?.split('@')[1] ?? id;
}

/** ImageEngine over a Docker engine; `configFolder` holds the logins that `docker login` left. */
export function dockerImages(
  connected: () => Promise<Docker>,
  configFolder: string | undefined,
): ImageEngine {
  async function inspect(ref: string, signal: AbortSignal): Promise<ImageInfo | undefined> {
    const what = `inspect image ${checked(ref)}`;
    const docker = await call({ what, signal }, () => connected());
    try {
      const found = await call({ what, signal }, (abortSignal) =>
        docker.getImage(ref).inspect({ abortSignal } as Docker.ImageInspectOptions),
      );
      const id = expectText(found.Id, what);
      return {
        ref,
        id,
        digest: digestOf(ref, id, textsOf(found.RepoDigests)),
        sizeBytes: found.Size,
        labels: found.Config?.Labels ?? {},
        layers: textsOf(found.RootFS?.Layers),
        config: {
          env: textsOf(found.Config?.Env),
          workdir: found.Config?.WorkingDir ?? '',
          cmd: textsOf(found.Config?.Cmd),
          entrypoint: textsOf(found.Config?.Entrypoint),
          user: found.Config?.User ?? '',
          architecture: found.Architecture ?? '',
        },
      };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async function inspectMade(ref: string, signal: AbortSignal, code: ErrorCode): Promise<ImageInfo> {
    const made = await inspect(ref, signal);
    if (made !== undefined) return made;
    throw new AssayError(code, `docker: the engine reported no error, but there is no image ${ref}`);
  }

  return {
    inspect,
    async pull(ref, options) {
      await pull(checked(ref), { connected, configFolder, ...options });
      const made = await inspectMade(ref, options.signal, 'image_pull_failed');
      const { tag } = splitRef(ref);
      if (!tag.startsWith('sha256:') || made.digest === tag) return made;
      throw new AssayError(
        'image_pull_failed',
        `docker: pull image ${ref}: what came has the digest ${made.digest}`,
      );
    },
    push: (ref, options) => push(checked(ref), { connected, configFolder, ...options }),
    async load(archive, { signal, onLog }) {
      const what = 'load an image';
      const toError = (text: string) =>
        new AssayError(
          codeOfWords(text) === 'disk_full' ? 'disk_full' : 'image_build_failed',
          `docker: ${what}: ${text}`,
        );
      let said = 0;
      try {
        await call({ what, signal, otherwise: 'image_build_failed' }, async (abortSignal) => {
          const docker = await connected();
          await upload(archive, async (body) => {
            const answer = await docker.loadImage(body, { quiet: true, abortSignal });
            const onLine = ({ stream = '' }: ProgressLine) => {
              said++;
              onLog?.(stream.trimEnd());
            };
            await readProgress(answer as Readable, onLine, toError);
          });
        });
      } finally {
        archive.destroy();
      }
      if (said === 0) throw toError('the engine reported no error, but loaded nothing');
    },
    async list(labels) {
      const docker = await connected();
      const what = 'list images';
      const label = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      const signal = AbortSignal.timeout(ADMIN_MS);
      const found: unknown = await call({ what, signal }, (abortSignal) =>
        docker.listImages({ filters: { label }, abortSignal } as Docker.ListImagesOptions),
      );
      return (expectList(found, what) as Docker.ImageInfo[]).flatMap(
        ({ Id: id, RepoTags, Size, Labels, Created }) => {
          const tags = textsOf(RepoTags).filter((tag) => tag !== '<none>:<none>');
          return (tags.length > 0 ? tags : [id]).map((ref) => ({
            ref,
            id,
            sizeBytes: Size,
            labels: Labels ?? {},
            ...(Created > 0 ? { createdAt: Created * 1000 } : {}),
          }));
        },
      );
    },
    async tag(ref, as) {
      const options = {
        what: `tag image ${checked(ref)} as ${checked(as)}`,
        signal: AbortSignal.timeout(ADMIN_MS),
      };
      const docker = await connected();
      const { name: repo, tag } = splitRef(as);
      await call(options, (abortSignal) => docker.getImage(ref).tag({ repo, tag, abortSignal }));
    },
    async save(refs, signal) {
      const options = { what: `save ${refs.map(checked).join(', ')}`, signal };
      const docker = await call(options, () => connected());
      const answer = await call(options, (abortSignal) =>
        get(docker, '/images/get?', { options: { names: refs }, isStream: true, abortSignal }),
      );
      return wholeArchive(answer as Readable, options);
    },
    async layerSizes(ref, signal) {
      const { layers } = await inspectMade(ref, signal, 'image_missing');
      const docker = await connected();
      return sizesOf(await historyOf(docker, ref, signal), { ref, layers });
    },
    async inUse(signal) {
      const what = 'list the images in use';
      const docker = await call({ what, signal }, () => connected());
      const found: unknown = await call({ what, signal }, (abortSignal) =>
        docker.listContainers({ all: true, abortSignal }),
      );
      return new Set(
        expectList(found, what).map((container) =>
          expectText((container as { ImageID?: unknown } | null)?.ImageID, what),
        ),
      );
    },
    async remove(ref) {
      const docker = await connected();
      const options = { what: `remove image ${checked(ref)}`, signal: AbortSignal.timeout(ADMIN_MS) };
      try {
        await call(options, (abortSignal) => docker.getImage(ref).remove({ abortSignal }));
      } catch (error) {
        const status = statusOf(error);
        if (status === 409) return false;
        if (status !== 404) throw error;
      }
      return true;
    },
  };
}
