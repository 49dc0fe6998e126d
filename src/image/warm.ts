import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ContainerEngine, ImageEngine, ImageInfo } from '../engine/engine.js';
import type { BuildContext } from './build-context.js';
import type { Session } from './session.js';
import { ENVIRONMENT } from './shim.js';

/** Byte code of the interpreter's own library and of what installs packages: most of an install's time goes into compiling it. */
const INSTALLERS = ['pip', 'setuptools', 'wheel', 'pkg_resources', '_distutils_hack', 'flit_core'];
const BYTE_CODE = `${ENVIRONMENT}/lib -path '*/site-packages/*' ${INSTALLERS.map((name) => `! -path '*/site-packages/${name}*'`).join(' ')} -prune -o -name '*.pyc'`;

/** Folder of byte code in the cache. */
export const BYTE_CODE_FOLDER = 'byte-code';

/** Name of the file with the byte code for an environment, by its last layer: it fits these very files alone. */
export function byteCodeFile(layer: string): string {
  return `${layer.replace('sha256:', '').slice(0, 16)}.tar`;
}

function keptAt(cacheDir: string, layer: string): string {
  return join(cacheDir, BYTE_CODE_FOLDER, byteCodeFile(layer));
}

/** Keeps the byte code that an install in a session of this environment left, unless there is some: layers hold none. */
export async function keepByteCode(
  { cacheDir, owner }: BuildContext,
  environment: ImageInfo,
  session: Session,
): Promise<void> {
  const kept = keptAt(cacheDir, environment.layers.at(-1) ?? '');
  if (existsSync(kept)) return;
  await mkdir(dirname(kept), { recursive: true });
  const fresh = `${kept}.${owner.pid}`;
  await pipeline(await session.archive(BYTE_CODE), createWriteStream(fresh));
  await rename(fresh, kept);
}

/** Containers that start with the byte code that a build of their environment on this machine left in the cache. */
export function withWarmContainers(
  containers: ContainerEngine,
  images: ImageEngine,
  cacheDir: string,
): ContainerEngine {
  return {
    ...containers,
    async start(spec, signal) {
      const [container, image] = await Promise.all([
        containers.start(spec, signal),
        images.inspect(spec.image, signal),
      ]);
      const kept = image?.layers.map((layer) => keptAt(cacheDir, layer)).find((path) => existsSync(path));
      if (kept === undefined) return container;
      try {
        await container.putArchive(createReadStream(kept), signal);
        return container;
      } catch (error) {
        await container.destroy();
        throw error;
      }
    },
  };
}
