import { relative } from 'node:path';
import type { RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { queueAttempts } from '../queue/attempts.js';
import { openDatabase } from '../queue/database.js';
import { startSubmitter } from '../queue/submitter.js';
import { evaluateBy } from '../run/evaluate.js';
import { readManifest } from '../run/folder.js';
import { deadlinesOf } from './context.js';
import { readDurations } from './durations.js';
import { JSON_EVENTS, progressKind } from './eval.js';
import type { Host } from './host.js';
import { listenForInterrupt } from './interrupt.js';
import type { Plan } from './plan.js';
import { createProgress } from './progress.js';
import type { EvalArgs } from './run-flags.js';
import { PATIENCE_SECONDS } from './serve-backend.js';

/** Attempts in the queue at once: enough for many hosts. */
const ATTEMPTS = 1000;

/** Evaluates what the plan says by the workers of a queue. */
export async function executeOnQueue(
  plan: Plan & { readonly url: string },
  args: EvalArgs,
  host: Host,
  again?: (verdict: Verdict) => boolean,
): Promise<RunResults> {
  const { folder, manifest, instances, jobs, engineName: engine, notesOn, url } = plan;
  const { clock } = host;
  const interrupt = listenForInterrupt(host);
  const { drain, kill } = interrupt;
  const progress = createProgress(progressKind(args, host), host);
  const workers = args.workers ?? ATTEMPTS;
  try {
    const database = await openDatabase({ url, clock, onWarning: progress.warn });
    const submitter = startSubmitter({ database, clock, patienceSeconds: PATIENCE_SECONDS });
    try {
      drain.addEventListener('abort', () => void submitter.takeBack().catch(() => undefined), { once: true });
      kill.addEventListener('abort', submitter.close, { once: true });
      if (args.quiet !== true)
        host.err(
          `${jobs.length} attempts, ${workers} in the queue at once, profile ${manifest.settings.profile} -> ${relative(host.cwd, folder)}`,
        );
      const before = await readManifest(folder).catch(() => manifest);
      return await evaluateBy({
        ...{ folder, instances, jobs, workers, again, clock, drain, kill },
        manifest: { ...manifest, machine: { engine: 'queue', workers } },
        attempts: queueAttempts({
          ...{ submitter, clock, engine, notesOn },
          run: `${before.runId} ${before.createdAt}`,
          testSeconds: deadlinesOf(args).test,
          strict: args.strict === true,
          retries: args.retries ?? 2,
        }),
        owner: host.self,
        maxFailures: args['max-failures'],
        durations: await readDurations(host.cacheDir),
        onEvent(event) {
          progress.onEvent(event);
          if (args.json === true && JSON_EVENTS.has(event.type)) host.out(JSON.stringify(event));
        },
        onWarning: progress.warn,
      });
    } finally {
      submitter.close();
      await database.close();
    }
  } finally {
    progress.stop();
    interrupt.release();
  }
}
