import { once } from 'node:events';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Engine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { EvalSpec } from '../model/eval-spec.js';
import { defaultWorkers } from '../run/schedule.js';
import { createApp } from '../serve/app.js';
import { localGrader } from '../serve/grader.js';
import { logEvent } from '../serve/log.js';
import { createMetrics } from '../serve/metrics.js';
import { type Oracle, startOracle } from '../serve/oracle.js';
import { lookIfReady } from '../serve/ready.js';
import { openStore, type Store } from '../serve/store.js';
import { type Catalogue, taskOf } from '../serve/task.js';
import { takeLock } from '../util/lock.js';
import { messageOf } from '../util/words.js';
import { connectForInstances } from './connect.js';
import { isOrphan, orphanLabels } from './engines.js';
import { deadlinesOf, limitsOf } from './eval.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { listenForInterrupt } from './interrupt.js';
import { catalogueOf, loadOf, rewardsOf, type ServeArgs, tlsOf, tokensOf } from './serve-inputs.js';
import { version } from './version.js';

/** How long a container waits for a patch of its announced instance. */
const WARM_MS = 10 * 60_000;

/** `assay serve`: verdicts as rewards over HTTP, until a signal. */
export async function serve(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as ServeArgs;
  const load = loadOf(args);
  const security = { tokens: await tokensOf(args, host), tls: await tlsOf(args, host) };
  const rewards = await rewardsOf(args, host);
  const { catalogue, specs, engineName } = await catalogueOf(args, host);
  const state = resolve(host.cwd, args.state ?? join(host.cacheDir, 'serve'));
  const release = await takeLock(join(state, 'lock'), host.self);
  const interrupt = listenForInterrupt(host, { isService: true });
  const { engine, resolveImage } = await connectForInstances(args, {
    engineName,
    host,
    pullSeconds: deadlinesOf(args).pull,
    onLog: host.err,
    signal: interrupt.kill,
  });
  try {
    const info = await engine.info();
    if (!info.isolated && args['allow-unisolated'] !== true)
      throw new AssayError(
        'unisolated',
        `the ${engine.name} engine runs patches with ${info.isolation} only`,
      );
    await engine.containers.reap({ 'assay.host': hostname() }, isOrphan);
    const workers = args.workers ?? defaultWorkers(info.cpus, info.freeMemoryBytes);
    const store = openStore(state, host.err);
    const metrics = createMetrics(() => oracle.counts());
    const grader = localGrader({
      context: {
        engine,
        engineInfo: info,
        clock: host.clock,
        deadlines: deadlinesOf(args),
        limits: limitsOf(args, info.cpus, workers),
        labels: orphanLabels('serve', host),
        resolveImage,
        mayUseNetwork: args.network !== 'off',
      },
      store,
      retries: args.retries ?? 2,
      warm: { containers: args.warm ?? workers, milliseconds: WARM_MS },
      onWarning: host.err,
    });
    const oracle: Oracle = startOracle({
      ...{ grader, store, workers, clock: host.clock },
      ...load.oracle,
      digestOf: ({ spec }) => digestOf(engine, spec, interrupt.kill),
      onEvent: (event) => {
        metrics.onEvent(event);
        logEvent(app.log, event);
      },
    });
    const app: FastifyInstance = await createApp({
      ...{ oracle, catalogue, rewards, metrics, clock: host.clock, version: version() },
      ...load.app,
      ...security,
      ready: () => lookIfReady({ engine, folder: state, images: specs.map(({ images }) => images) }),
      log: { level: 'info', write: (line) => host.err(line.trimEnd()) },
    });
    const left = await takeUp(store, { oracle, catalogue, host });
    const url = await app.listen({ host: args.host, port: args.port });
    host.err(
      `${specs.length} instances at ${url}, -j ${workers}, ${engine.name} (${info.isolation})${left === 0 ? '' : `, ${left} gradings left from before`}`,
    );
    await once(interrupt.drain, 'abort');
    interrupt.kill.addEventListener('abort', oracle.kill, { once: true });
    if (interrupt.kill.aborted) oracle.kill();
    await oracle.drain();
    await app.close();
    return EXIT.done;
  } finally {
    interrupt.release();
    await engine.close();
    await release();
  }
}

/** Grades what was taken before the service last ended; returns how many these are. */
async function takeUp(
  store: Store,
  {
    oracle,
    catalogue,
    host,
  }: { readonly oracle: Oracle; readonly catalogue: Catalogue; readonly host: Host },
): Promise<number> {
  let taken = 0;
  for (const asked of await store.pending()) {
    try {
      await oracle.take(taskOf(catalogue, asked));
      taken++;
    } catch (error) {
      host.err(`warning: a grading of ${asked.instance_id} stays for another start: ${messageOf(error)}`);
    }
  }
  return taken;
}

/** The digest of the image that would be taken for a spec now; undefined where it has to be made or pulled first. */
async function digestOf(
  engine: Engine,
  { images }: Pick<EvalSpec, 'images'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const ref of images) {
    const image = await engine.images.inspect(ref, signal);
    if (image !== undefined) return image.digest;
  }
  return undefined;
}
