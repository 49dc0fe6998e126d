import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { AssayError, type RunEvent, Verdict } from '../../src/index.js';
import { type EvaluateOptions, evaluate } from '../../src/run/evaluate.js';
import { readRun } from '../../src/run/folder.js';
import { attemptKey } from '../../src/run/ledger.js';
import type { Job } from '../../src/run-instance.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';
import { seededRandom } from '../../src/util/random.js';
import { runInstanceOf, testClock, testContext, testJob, testManifest } from '../helpers/jobs.js';
import { type ChaosEngine, chaosEngine, type EngineFault, FAULTS } from './chaos-engine.js';
import { cases } from './hostile.js';
import { scratchFolder } from './scratch.js';

const RUNS = 110;
const JOBS = 20;
/** A deadline of a run is 20 ms or so; a run waits 150 ms at its end for an engine that never answers. */
const SPEED = 400;
const DEADLINES = { pull: 8, start: 8, apply: 12, test: 10, collect: 400 };
/** No run may take longer, whatever the engine does. */
const PATIENCE_MS = 10_000;

const self = identifyProcess(process.pid) as ProcessIdentity;
const scratch = scratchFolder('chaos');

interface Outcome {
  readonly error?: AssayError;
  readonly events: readonly RunEvent[];
}

async function run(
  folder: string,
  jobs: readonly Job[],
  engine: ChaosEngine,
  extra: Partial<EvaluateOptions> = {},
): Promise<Outcome> {
  const events: RunEvent[] = [];
  const never = new AbortController().signal;
  const context = await testContext(engine, { clock: testClock(SPEED), deadlines: DEADLINES });
  const evaluated = evaluate({
    folder,
    manifest: testManifest(),
    instances: jobs.map(runInstanceOf),
    jobs,
    context,
    owner: self,
    workers: 6,
    retries: 1,
    durations: new Map(),
    onEvent: (event) => events.push(event),
    onWarning: () => undefined,
    drain: never,
    kill: never,
    ...extra,
  });
  const late = Symbol('late');
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), PATIENCE_MS);
  });
  const end = await Promise.race([evaluated.catch((error: unknown) => ({ error })), patience]);
  clearTimeout(timer);
  if (end === late) throw new Error(`the run did not end in ${PATIENCE_MS} ms`);
  if (!('error' in end)) return { events };
  if (end.error instanceof AssayError) return { events, error: end.error };
  throw new Error(`not an AssayError: ${String((end.error as Error | undefined)?.stack ?? end.error)}`);
}

/** What holds after any run: whole verdicts, one for each attempt at most, and the ledger says the same. */
async function assertSound(folder: string, jobs: readonly Job[]): Promise<ReadonlyMap<string, Verdict>> {
  const { verdicts } = await readRun(folder);
  const planned = new Set(jobs.map(({ prediction }) => attemptKey(prediction)));
  for (const verdict of verdicts) {
    const fault = [...Value.Errors(Verdict, verdict)][0];
    if (fault !== undefined) throw new Error(`${JSON.stringify(fault)} in ${JSON.stringify(verdict)}`);
    expect(planned).toContain(attemptKey(verdict));
  }
  const keys = verdicts.map(attemptKey);
  expect(new Set(keys).size).toBe(keys.length);
  const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  const judged = lines
    .map((line) => JSON.parse(line) as RunEvent)
    .flatMap((event) => (event.type === 'verdict' ? [attemptKey(event.verdict)] : []));
  expect(judged.sort()).toEqual([...keys].sort());
  expect(await readdir(folder)).not.toContain('lock');
  return new Map(verdicts.map((verdict) => [attemptKey(verdict), verdict]));
}

const makeJobs = () =>
  Array.from({ length: JOBS }, (_, index) => testJob(`i${index}`, index % 7 === 6 ? null : 'diff'));

const healthy = () =>
  chaosEngine({
    faultOf: () => undefined,
    outputOf: () => [Buffer.from('PASS')],
    random: () => 0.5,
  });

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds() && waited < 1000; waited += 10)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

const scenario = fc.record({
  seed: fc.integer(),
  /** How many of the calls go wrong. */
  rate: fc.constantFrom(0.02, 0.1, 0.3, 0.9),
  faults: fc.uniqueArray(fc.constantFrom(...FAULTS), { minLength: 1 }),
  /** Milliseconds until Ctrl-C, twice. */
  interrupt: fc.option(fc.record({ drain: fc.nat(80), kill: fc.nat(80) })),
  maxFailures: fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined }),
});

describe('an engine that breaks the rules of its interface', () => {
  test(`in ${RUNS} runs of ${JOBS} attempts: each run ends, with whole verdicts, none lost and no container left`, async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(scenario, async ({ seed, rate, faults, interrupt, maxFailures }) => {
        const folder = join(scratch.path, `run-${count++}`);
        const random = seededRandom(seed);
        const faultOf = (): EngineFault | undefined =>
          random() < rate ? faults[Math.floor(random() * faults.length)] : undefined;
        const outputOf = () => [
          Buffer.from(['PASS', 'FAIL', '', '\xff\xfe'][Math.floor(random() * 4)] ?? ''),
        ];
        const engine = chaosEngine({ faultOf, outputOf, random });
        const drain = new AbortController();
        const kill = new AbortController();
        const timers =
          interrupt === null
            ? []
            : [
                setTimeout(() => drain.abort(new Error('interrupted')), interrupt.drain),
                setTimeout(() => kill.abort(new Error('interrupted')), interrupt.drain + interrupt.kill),
              ];
        const jobs = makeJobs();
        const { error, events } = await run(folder, jobs, engine, {
          drain: drain.signal,
          kill: kill.signal,
          maxFailures,
        });
        for (const timer of timers) clearTimeout(timer);
        if (error !== undefined) expect(['interrupted', 'too_many_failures']).toContain(error.code);
        expect(events.at(-1)?.type).toBe('run_end');
        const before = await assertSound(folder, jobs);
        if (error === undefined) expect(before.size).toBe(JOBS);
        await until(() => engine.alive.size === 0);
        expect([...engine.alive]).toEqual([]);

        const second = healthy();
        expect((await run(folder, jobs, second)).error).toBeUndefined();
        const after = await assertSound(folder, jobs);
        expect(after.size).toBe(JOBS);
        for (const [key, verdict] of before) expect(after.get(key)).toEqual(verdict);
        expect([...second.alive]).toEqual([]);
      }),
      cases(RUNS),
    );
  }, 120_000);
});
