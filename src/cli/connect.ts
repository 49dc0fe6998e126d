import type { BuildFlags } from './builder.js';
import { type Connected, connectEngine } from './engines.js';
import { type PullFlags, parseBytes } from './flags.js';
import type { Host } from './host.js';
import { builderOf, diskBound, type NeededImages, neededImages } from './images-resolve.js';

/** Flags of how the images of instances are got. */
export type InstanceImageFlags = Readonly<
  { build?: boolean; 'max-disk'?: string; runtime?: string } & Omit<BuildFlags, 'update-locks'> &
    Partial<PullFlags>
>;

interface ConnectOptions {
  readonly engineName: 'docker' | 'local';
  readonly host: Host;
  /** The time of the pull phase. */
  readonly pullSeconds: number;
  readonly onLog: (line: string) => void;
  /** Aborted: builds stop. */
  readonly signal: AbortSignal;
  /** What `--max-disk` must leave; nothing unless said otherwise. */
  readonly needed?: NeededImages;
}

/** An engine for containers of instances, whose images are found, pulled or built as the flags say. */
export async function connectForInstances(
  args: InstanceImageFlags,
  { engineName, host, pullSeconds, onLog, signal, needed = neededImages([], []) }: ConnectOptions,
): Promise<Connected> {
  const all = args.build === true;
  const maxBytes = args['max-disk'] === undefined ? undefined : parseBytes(args['max-disk'], 'max-disk');
  return connectEngine(engineName, host, {
    ...(args.runtime === undefined ? {} : { runtime: args.runtime }),
    // A wait that takes the whole time of the phase would end as a time-out that says nothing of the limit.
    puller: {
      rate: args.rate,
      'update-digests': args['update-digests'],
      offline: args.offline,
      patienceMs: (pullSeconds * 1000) / 2,
      onLog,
    },
    build: builderOf({ ...args, all }, host, signal),
    alwaysBuild: all,
    ...(maxBytes === undefined ? {} : { beforeFurther: diskBound({ maxBytes, needed, onLog }, host) }),
  });
}
