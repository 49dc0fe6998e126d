import { randomBytes } from 'node:crypto';
import { availableParallelism, freemem, userInfo } from 'node:os';
import { join } from 'node:path';
import { AssayError } from '../../errors.js';
import { readIfExists, writeAtomic } from '../../util/files.js';
import type { Engine, ImageInfo } from '../engine.js';
import { containers } from './containers.js';
import { findControlGroups } from './control-groups.js';
import { engineFailure } from './failures.js';
import { type ImportRequest, imageStore } from './image-store.js';
import { chooseIsolation, type IsolationKind, OWN_ETC } from './isolation.js';
import type { Machine } from './sandbox.js';
import { findTools } from './tools.js';

export interface LocalEngineOptions {
  /** Holds images and workspaces; may be shared by several runs at once. */
  readonly cacheDir: string;
  /** PATH on which bash, git, node, python3, bwrap and unshare are looked for. */
  readonly path: string;
  /** Default: `bwrap` on `path`. */
  readonly bwrapPath?: string;
  /** Default `auto`: the strongest that works here. Any other is used or the engine is `engine_unavailable`. */
  readonly isolation?: 'auto' | IsolationKind;
}

/** The engine for machines without a container engine, plus the way to give it images. */
export interface LocalEngine extends Engine {
  readonly name: 'local';
  /**
   * Makes a folder of files an image by the given name, as a git repository of one commit whose id is the same on every machine
   * (label `assay.commit`). Cheap when that content is there already; call it whenever a recipe's source is a tree.
   */
  importTree(request: ImportRequest): Promise<ImageInfo>;
}

/** Runs patches in throw-away folders of this machine, as closed off as the machine allows; nothing happens before the first call. */
export function localEngine(options: LocalEngineOptions): LocalEngine {
  const { cacheDir, path, bwrapPath, isolation = 'auto' } = options;
  let found: Promise<Machine> | undefined;
  const machine = () => {
    found ??= look();
    return found;
  };

  async function look(): Promise<Machine> {
    try {
      const folder = join(cacheDir, 'sandbox');
      await Promise.all(
        Object.entries(OWN_ETC).map(([name, content]) => keep(join(folder, 'etc', name), content)),
      );
      const [tools, groups] = await Promise.all([
        findTools({ path, home: userInfo().homedir, execPath: process.execPath }),
        process.platform === 'linux' ? findControlGroups({ id: randomBytes(8).toString('hex') }) : undefined,
      ]);
      const chosen = chooseIsolation({ wanted: isolation, bwrapPath, tools, folder }).catch(
        (error: unknown) => {
          throw new AssayError(
            'engine_unavailable',
            `the isolation asked for doesn't work here: ${isolation}`,
            {
              detail: error instanceof Error ? error.message : String(error),
            },
          );
        },
      );
      return { tools, groups, isolation: await chosen };
    } catch (error) {
      throw engineFailure(`can't use ${cacheDir}`, error);
    }
  }

  const images = imageStore({ cacheDir, path });
  const sandboxes = containers({ cacheDir, images, machine });
  return {
    name: 'local',
    images,
    containers: sandboxes,
    importTree: images.importTree,
    info: async () => {
      const { isolation: chosen, groups } = await machine();
      const limits = groups === undefined ? 'limits per process' : 'limits by control group';
      return {
        version: 'local',
        isolation: `${chosen.words}; ${limits}`,
        isolated: chosen.isolated,
        cpus: availableParallelism(),
        freeMemoryBytes: freemem(),
      };
    },
    close: () => sandboxes.close(),
  };
}

/** Writes a file unless it says that already: writing to the disk is slow, and this happens at each start. */
async function keep(file: string, content: string): Promise<void> {
  if ((await readIfExists(file)) !== content) await writeAtomic(file, content);
}
