import { once } from 'node:events';
import { join, resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { type Catalogue, taskOf } from '../run/task.js';
import { createApp } from '../serve/app.js';
import { logEvent } from '../serve/log.js';
import { createMetrics } from '../serve/metrics.js';
import { type Oracle, startOracle } from '../serve/oracle.js';
import { openStore, type Store, wholeScripts } from '../serve/store.js';
import { takeLock } from '../util/lock.js';
import { messageOf } from '../util/words.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { listenForInterrupt } from './interrupt.js';
import { startBackend } from './serve-backend.js';
import { catalogueOf, loadOf, rewardsOf, type ServeArgs, tlsOf, tokensOf } from './serve-inputs.js';
import { version } from './version.js';

/** How long clients may take at the end to read their answers. */
const LEAVE_MS = 5_000;

/** `assay serve`: verdicts as rewards over HTTP, until a signal. */
export async function serve(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as ServeArgs;
  const load = loadOf(args);
  const security = { tokens: await tokensOf(args, host), tls: await tlsOf(args, host) };
  const rewards = await rewardsOf(args, host);
  const { catalogue, known, engineName } = await catalogueOf(args, host);
  const state = resolve(host.cwd, args.state ?? join(host.cacheDir, 'serve'));
  const release = await takeLock(join(state, 'lock'), host.self);
  const interrupt = listenForInterrupt(host, { isService: true });
  const kept = openStore(state, host.err);
  const store = args.reinstall === 'always' ? wholeScripts(kept) : kept;
  const specs = known.map(({ spec }) => spec);
  let close = async () => {};
  try {
    const backend = await startBackend(args, {
      ...{ host, engineName, specs, store, state },
      kill: interrupt.kill,
    });
    close = backend.close;
    const { grader, workers, digestOf } = backend;
    const metrics = createMetrics(() => oracle.counts());
    const oracle: Oracle = startOracle({
      ...{ grader, store, workers, clock: host.clock },
      ...load.oracle,
      digestOf: ({ spec }) => digestOf(spec),
      onEvent: (event) => {
        metrics.onEvent(event);
        logEvent(app.log, event);
      },
    });
    const app: FastifyInstance = await createApp({
      ...{ oracle, catalogue, rewards, metrics, clock: host.clock, version: version() },
      ...load.app,
      ...security,
      ready: backend.ready,
      log: { level: 'info', write: (line) => host.err(line.trimEnd()) },
    });
    const left = await takeUp(store, { oracle, catalogue, host });
    const url = await app.listen({ host: args.host, port: args.port });
    host.err(
      `${specs.length} instances at ${url}, ${backend.name}${left === 0 ? '' : `, ${left} gradings left from before`}`,
    );
    await once(interrupt.drain, 'abort');
    interrupt.kill.addEventListener('abort', oracle.kill, { once: true });
    // What is in the queue is graded while this process is away.
    if (interrupt.kill.aborted || grader.isElsewhere === true) oracle.kill();
    await oracle.drain();
    // A client that doesn't read its answer, or doesn't end its request, would hold the process for ever.
    const cancel = host.clock.after(LEAVE_MS, () => app.server.closeAllConnections());
    await app.close();
    cancel();
    return EXIT.done;
  } finally {
    interrupt.release();
    await close();
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
