import type { Engine, ImageInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { BuildContext } from '../image/build-context.js';
import { environmentTag } from '../image/environment.js';
import { instanceImage } from '../image/instance.js';
import { LABEL } from '../image/labels.js';
import { pruneImages } from '../image/prune.js';
import { environmentKey } from '../image/recipe.js';
import type { ResolveOptions } from '../image/resolve.js';
import { type LayerMemory, layersOnBase } from '../image/usage.js';
import type { ImageRecipe } from '../model/eval-spec.js';
import type { Verdict } from '../model/verdict.js';
import type { Job } from '../run-instance.js';
import { showBytes } from '../util/words.js';
import { type BuildFlags, buildContext } from './builder.js';
import type { Host } from './host.js';

type Build = NonNullable<ResolveOptions['build']>;

/** Builds images of recipes: every one with `all`, else those whose environment image is there. Logs are in the cache. */
export function builderOf(
  flags: BuildFlags & { readonly all: boolean },
  host: Host,
  signal: AbortSignal,
): (engine: Engine) => Build {
  return (engine) => {
    let made: Promise<BuildContext> | undefined;
    return async (recipe, bound) => {
      made ??= buildContext(flags, host, { engine, signal, onLog: () => {} });
      const context = { ...(await made), signal: bound };
      return flags.all ? instanceImage(context, recipe) : buildOnEnvironment(context, recipe, host);
    };
  };
}

/** Builds on the environment image that is there, whatever base that was made of; undefined when there is none of this recipe. */
async function buildOnEnvironment(
  context: BuildContext,
  recipe: ImageRecipe,
  host: Host,
): Promise<ImageInfo | undefined> {
  const tag = environmentTag(recipe.environment);
  const environment = await context.images.inspect(tag, context.signal);
  if (environment?.labels[LABEL.environment] !== environmentKey(recipe.environment)) return undefined;
  const { labels, layers } = environment;
  // Only its layers count while the environment is current; nothing may be started from it.
  const base = {
    ...environment,
    ref: `base of ${tag}`,
    labels: {},
    layers: layers.slice(0, -layersOnBase(labels)),
  };
  const containers: BuildContext['containers'] = {
    reap: (own, isOrphan) => context.containers.reap(own, isOrphan),
    async start(spec, signal) {
      if (spec.image !== base.ref) return context.containers.start(spec, signal);
      throw new AssayError('image_missing', `${tag} was made from other locks or by another version`);
    },
  };
  try {
    return await instanceImage({ ...context, containers, base: async () => base }, recipe);
  } catch (error) {
    if (!(error instanceof AssayError && error.code === 'image_missing')) throw error;
    host.err(`warning: ${recipe.name} is not built here: ${error.message}`);
    return undefined;
  }
}

/** The images that attempts of a run still need, while it goes on. */
export interface NeededImages {
  /** Names to try of all instances with an attempt that has no verdict. */
  names(): ReadonlySet<string>;
  finish(verdict: Pick<Verdict, 'instanceId' | 'attempt'>): void;
}

/** Needed images of jobs, of which some may have their verdict already. */
export function neededImages(
  jobs: readonly Job[],
  done: readonly Pick<Verdict, 'instanceId' | 'attempt'>[],
): NeededImages {
  const key = (instanceId: string, attempt: number) => `${instanceId} ${attempt}`;
  const open = new Map(
    jobs.map(({ spec, prediction }) => [key(spec.instanceId, prediction.attempt), spec.images]),
  );
  const finish: NeededImages['finish'] = ({ instanceId, attempt }) =>
    void open.delete(key(instanceId, attempt));
  done.forEach(finish);
  return { names: () => new Set([...open.values()].flat()), finish };
}

interface DiskBound {
  readonly maxBytes: number;
  readonly needed: NeededImages;
  readonly onLog: (line: string) => void;
}

/** Makes room before a further image: removes built and pulled ones that no attempt needs, one caller at a time. */
export function diskBound(
  { maxBytes, needed, onLog }: DiskBound,
  host: Host,
): (engine: Engine) => NonNullable<ResolveOptions['beforeFurther']> {
  return (engine) => {
    const memory: LayerMemory = new Map();
    let isTold = false;
    let last: Promise<unknown> = Promise.resolve();
    const makeRoom = async (signal: AbortSignal) => {
      const { removed, leftBytes } = await pruneImages({
        engine: engine.images,
        keepBytes: maxBytes,
        published: true,
        protect: needed.names(),
        dryRun: false,
        cacheDir: host.cacheDir,
        owner: host.self,
        memory,
        signal,
      });
      const freed = removed.reduce((sum, { freedBytes }) => sum + freedBytes, 0);
      if (removed.length > 0) onLog(`--max-disk: removed ${removed.length} images, ${showBytes(freed)}`);
      if (leftBytes > maxBytes && !isTold) {
        isTold = true;
        onLog(
          `warning: --max-disk ${showBytes(maxBytes)}: ${showBytes(leftBytes)} of images are needed by this run or in use`,
        );
      }
    };
    return (signal) => {
      const turn = last.then(
        () => makeRoom(signal),
        () => makeRoom(signal),
      );
      last = turn;
      return turn;
    };
  };
}
