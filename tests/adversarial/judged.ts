import { Value } from 'typebox/value';
import { Verdict } from '../../src/index.js';
import { type Job, runInstance } from '../../src/run-instance.js';
import { fakeEngine } from '../helpers/fake-engine.js';
import { testContext } from '../helpers/jobs.js';

/** The verdict of a job in a fake container whose tests print `output`; throws when it isn't a whole verdict. */
export async function judged(job: Job, output: Uint8Array): Promise<Verdict> {
  const [image = ''] = job.spec.images;
  const engine = fakeEngine({
    images: { [image]: 'sha256:1' },
    exec: (command) => (command.includes('/eval.sh') ? { output, exitCode: 1 } : {}),
  });
  const gone: Promise<void>[] = [];
  const verdict = await runInstance(job, {
    ...(await testContext(engine)),
    discard: (container) => gone.push(Promise.resolve(container).then((one) => one.destroy())),
    log: { write: () => undefined, end: async () => undefined },
    onPhase: () => undefined,
    signal: new AbortController().signal,
  });
  await Promise.all(gone);
  if (engine.alive.size > 0) throw new Error('a container is left');
  assertWhole(verdict);
  if (verdict.outcome === 'infra_error') throw new Error(`a fault of ours: ${verdict.detail}`);
  return verdict;
}

/** Throws when a verdict does not fit its schema, as it is read back. */
export function assertWhole(verdict: Verdict): void {
  const back: unknown = JSON.parse(JSON.stringify(verdict));
  const [fault] = Value.Errors(Verdict, back);
  if (fault !== undefined) throw new Error(`${JSON.stringify(fault)} in ${JSON.stringify(verdict)}`);
}
