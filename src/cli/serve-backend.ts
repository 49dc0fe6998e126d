import type { EvalSpec } from '../model/eval-spec.js';
import { openDatabase } from '../queue/database.js';
import { queueGrader } from '../queue/grader.js';
import { startSubmitter } from '../queue/submitter.js';
import type { Grader } from '../run/grader.js';
import { lookIfReady, type Readiness } from '../serve/ready.js';
import type { Store } from '../serve/store.js';
import { deadlinesOf } from './context.js';
import { gradeHere } from './grade-here.js';
import type { Host } from './host.js';
import type { ServeArgs } from './serve-inputs.js';

interface BackendOptions {
  readonly host: Host;
  readonly engineName: 'docker' | 'local';
  readonly specs: readonly EvalSpec[];
  readonly store: Store;
  /** Folder of the store. */
  readonly state: string;
  readonly kill: AbortSignal;
}

/** What does the gradings of the service. */
export interface Backend {
  readonly grader: Grader;
  /** Gradings that it takes at once. */
  readonly workers: number;
  /** Says what it is, for people. */
  readonly name: string;
  /** The digest of the image that would be taken for a spec now; undefined where it has to be made or pulled first. */
  readonly digestOf: (spec: EvalSpec) => Promise<string | undefined>;
  readonly ready: () => Promise<Readiness>;
  readonly close: () => Promise<void>;
}

/** Time that an order waits while no worker fits. */
export const PATIENCE_SECONDS = 600;

/** The machine's own engine, or the workers of `--queue`. */
export function startBackend(args: ServeArgs, options: BackendOptions): Promise<Backend> {
  return args.queue === undefined ? onThisMachine(args, options) : onQueue(args, args.queue, options);
}

async function onThisMachine(args: ServeArgs, options: BackendOptions): Promise<Backend> {
  const { specs, state: folder, kill } = options;
  const retries = args.retries ?? 2;
  const here = await gradeHere(args, {
    ...{ host: options.host, engineName: options.engineName, begin: options.store.begin },
    ...{ runId: 'serve', retries, warm: args.warm, kill },
  });
  const { engine, info, grader, workers } = here;
  return {
    grader,
    workers,
    name: `-j ${workers}, ${engine.name} (${info.isolation})`,
    async digestOf({ images }) {
      for (const ref of images) {
        const image = await engine.images.inspect(ref, kill);
        if (image !== undefined) return image.digest;
      }
      return undefined;
    },
    ready: () => lookIfReady({ engine, folder, images: specs.map(({ images }) => images) }),
    close: () => engine.close(),
  };
}

async function onQueue(args: ServeArgs, url: string, options: BackendOptions): Promise<Backend> {
  const { host, specs, store, engineName, state: folder } = options;
  const { clock } = host;
  const database = await openDatabase({ url, clock, onWarning: host.err });
  const submitter = startSubmitter({ database, clock, patienceSeconds: PATIENCE_SECONDS });
  const grader = queueGrader({
    ...{ submitter, begin: store.begin, engine: engineName },
    testSeconds: deadlinesOf(args).test,
    retries: args.retries ?? 2,
  });
  const workers = async () => {
    const found = await submitter.workers();
    if (found.names.length === 0) throw new Error('no worker is at the queue');
    return found;
  };
  const engine = {
    info: async () => ({ isolation: `${(await workers()).names.length} workers at the queue` }),
    images: { list: async () => [...(await workers()).images].map((ref) => ({ ref })) },
  };
  return {
    grader,
    workers: args['max-queue'],
    name: 'by the workers of the queue',
    digestOf: async () => undefined,
    ready: () => lookIfReady({ engine, folder, images: specs.map(({ images }) => images) }),
    async close() {
      submitter.close();
      await database.close();
    },
  };
}
