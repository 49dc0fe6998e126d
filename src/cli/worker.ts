import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AssayError, toAssayError } from '../errors.js';
import { openDatabase } from '../queue/database.js';
import { questionOf } from '../queue/order.js';
import { type Claimed, runWorker, type WorkerOptions } from '../queue/worker.js';
import type { Grader } from '../run/grader.js';
import { beginAttempt, readLogs } from '../run/record.js';
import type { Catalogue, Task } from '../run/task.js';
import { isAlive, type ProcessIdentity } from '../util/process.js';
import { reapOrphans } from './context.js';
import { EXIT } from './exit.js';
import { checkCount, parseSeconds } from './flags.js';
import { gradeHere } from './grade-here.js';
import type { Host } from './host.js';
import { listenForInterrupt } from './interrupt.js';
import { profileNamed, profileNames } from './registry.js';
import { catalogueOf, type Known, type ServeArgs } from './serve-inputs.js';

type WorkerArgs = ServeArgs & { readonly queue: string; readonly lease: string };

/** `assay worker`: does the gradings of a queue, until a signal. */
export async function worker(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as WorkerArgs;
  checkCount(args.workers, 'workers', 1);
  const leaseSeconds = parseSeconds(args.lease, 'lease');
  const { catalogue, known, engineName } = await catalogueOf(args, host);
  const scratch = await scratchOf(host);
  const interrupt = listenForInterrupt(host, { isService: true });
  const { drain, kill } = interrupt;
  const database = await openDatabase({ url: args.queue, clock: host.clock, onWarning: host.err });
  try {
    const { grader, engine, info, workers } = await gradeHere(args, {
      ...{ host, engineName, kill, runId: 'worker' },
      begin: (key, patch) => beginAttempt(join(scratch, key), patch),
      // The queue has others try, too.
      retries: 0,
    });
    kill.addEventListener('abort', grader.kill, { once: true });
    host.err(
      `${known.length} instances for the queue, -j ${workers}, ${engine.name} (${info.isolation}), lease ${leaseSeconds} s`,
    );
    try {
      await runWorker({
        ...{ database, drain, kill, leaseSeconds },
        clock: host.clock,
        name: `${hostname()}.${host.self.pid}.${randomBytes(3).toString('hex')}`,
        slots: workers,
        offers: offersOf(known, engineName, args['allow-inline'] === true),
        images: async () => (await engine.images.list({})).map(({ ref }) => ref),
        grade: gradeClaimed({ grader, catalogue, scratch }),
        onWarning: host.err,
      });
    } finally {
      await grader.finish();
      // A worker of this host that was killed may have been followed by none.
      await reapOrphans(engine).catch(() => undefined);
      await engine.close();
    }
    return EXIT.done;
  } finally {
    interrupt.release();
    await database.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The folder of this process, without those that killed ones left. */
async function scratchOf({ cacheDir, self }: Host): Promise<string> {
  const all = join(cacheDir, 'worker');
  const nameOf = ({ pid, started }: ProcessIdentity) => `${pid}.${started}`;
  await mkdir(join(all, nameOf(self)), { recursive: true });
  for (const name of await readdir(all)) {
    const [pid, started = ''] = name.split('.');
    if (!isAlive({ pid: Number(pid), started })) await rm(join(all, name), { recursive: true, force: true });
  }
  return join(all, nameOf(self));
}

function offersOf(known: readonly Known[], engine: string, takesRows: boolean): readonly string[] {
  const offer = (rowHash: string | undefined, profile: string) =>
    questionOf({ rowHash, profile, graderVersion: profileNamed(profile).graderVersion, engine });
  const own = known.flatMap(({ spec, benchmark }) =>
    benchmark.profiles.map((name) => offer(spec.rowHash, name)),
  );
  return [...own, ...(takesRows ? profileNames.map((name) => offer(undefined, name)) : [])];
}

interface GradeOptions {
  readonly grader: Grader;
  readonly catalogue: Catalogue;
  readonly scratch: string;
}

function gradeClaimed({ grader, catalogue, scratch }: GradeOptions): WorkerOptions['grade'] {
  return async (claimed, onPhase) => {
    const folder = join(scratch, claimed.key);
    try {
      const found = await grader.grade(taskOfClaim(claimed, catalogue), {
        onPhase,
        onStart: () => undefined,
        onRetry: () => undefined,
      });
      return { found, evidence: await readLogs(folder) };
    } catch (error) {
      return { found: toAssayError(error), evidence: new Map() };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** Rows of clients are read here as well: what comes of them must be the same. */
function taskOfClaim({ key, payload }: Claimed, catalogue: Catalogue): Task {
  const { asked, rowHash, prediction, testSeconds } = payload;
  const { spec, profile } = catalogue.find(asked);
  if (spec.rowHash !== rowHash)
    throw new AssayError('internal', `the row of ${spec.instanceId} is read as another one here`);
  return { key, asked, spec, profile, strict: asked.strict !== false, prediction, testSeconds };
}
