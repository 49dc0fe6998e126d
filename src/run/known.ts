import type { Verdict } from '../model/verdict.js';
import type { Job } from '../run-instance.js';
import type { AttemptHooks, Attempts } from './attempts.js';
import { attemptFolder } from './folder.js';
import { readLogs } from './record.js';
import { taskOfJob } from './task.js';

/** Verdicts by what decides them: the patch, the instance's row, the profile and its grader's version. */
export interface KnownVerdicts {
  /** Attempts that give a verdict that is known, with its logs, and find it once where several ask at the same time. */
  before(attempts: Attempts, folder: string): Attempts;
}

interface Known {
  readonly verdict: Verdict;
  /** Of the attempt that found it. */
  readonly from: string;
}

/** For patches that come again, as those of a policy in training do. A failure of the machine's is not kept. */
export function knownVerdicts({ strict }: { readonly strict: boolean }): KnownVerdicts {
  const found = new Map<string, Promise<Known | undefined>>();
  const keyOf = (job: Job) => taskOfJob(job, strict).key;
  const knownOf = (verdict: Verdict | undefined, folder: string): Known | undefined =>
    verdict === undefined || verdict.outcome === 'infra_error'
      ? undefined
      : { verdict, from: attemptFolder(folder, verdict.instanceId, verdict.attempt) };
  return {
    before: (attempts, folder) => ({
      async attempt(job, hooks) {
        const key = keyOf(job);
        for (let asked = found.get(key); asked !== undefined; asked = found.get(key)) {
          const known = await asked.catch(() => undefined);
          if (known !== undefined) return given(known, job, hooks);
          // Whoever comes first asks again.
          if (found.get(key) === asked) found.delete(key);
        }
        const verdict = attempts.attempt(job, hooks);
        const keeps = verdict.then((found) => knownOf(found, folder));
        keeps.catch(() => undefined);
        found.set(key, keeps);
        return verdict;
      },
      finish: () => attempts.finish(),
    }),
  };
}

/** Writes a known verdict, with what it rests on, as that of an attempt. */
async function given({ verdict, from }: Known, { prediction }: Job, hooks: AttemptHooks): Promise<Verdict> {
  const { attempt, model, patch } = prediction;
  const record = await hooks.begin(1, patch);
  await record.adopt(await readLogs(from));
  const own = { ...verdict, attempt, model };
  await record.finish(own);
  return own;
}
