import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AssayError, type Verdict } from '../../src/index.js';
import type { AttemptHooks, Attempts } from '../../src/run/attempts.js';
import { attemptFolder, readVerdicts } from '../../src/run/folder.js';
import { knownVerdicts } from '../../src/run/known.js';
import { beginAttempt } from '../../src/run/record.js';
import { unjudged } from '../../src/run/unjudged.js';
import type { Job } from '../../src/run-instance.js';
import { testClock, testJob } from '../helpers/jobs.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-known-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A grader that counts, and writes its verdicts as the real one. */
function grader(outcome: (job: Job) => Verdict['outcome']) {
  const graded: string[] = [];
  const attempts: Attempts = {
    async attempt(job, hooks) {
      graded.push(`${job.prediction.patch} ${job.prediction.attempt}`);
      const record = await hooks.begin(1);
      const blank = unjudged(job, new AssayError('internal', 'none'), {
        ...{ engine: 'local', isolation: 'none', clock: testClock() },
      });
      const verdict = { ...blank, outcome: outcome(job) };
      await record.finish(verdict);
      return verdict;
    },
    finish: async () => undefined,
  };
  const known = knownVerdicts({ strict: true }).before(attempts, folder);
  const ask = (job: Job) => {
    const { instanceId, attempt } = job.prediction;
    const hooks: AttemptHooks = {
      begin: (_tries, patch = job.prediction.patch) =>
        beginAttempt(attemptFolder(folder, instanceId, attempt), patch),
      onRetry: () => undefined,
      onPhase: () => undefined,
      upcoming: () => [],
    };
    return known.attempt(job, hooks);
  };
  return { graded, ask };
}

const job = (attempt: number, patch: string) => testJob('a__b-1', patch, { attempt });

describe('known verdicts', () => {
  test('of a patch that comes again are given, each to its attempt, and written', async () => {
    const { graded, ask } = grader(() => 'resolved');
    const found = await Promise.all([ask(job(1, 'one')), ask(job(2, 'one')), ask(job(3, 'other'))]);
    expect([...found, await ask(job(4, 'one'))].map((verdict) => verdict?.attempt)).toEqual([1, 2, 3, 4]);
    expect(graded.sort()).toEqual(['one 1', 'other 3']);
    const written = await readVerdicts(folder);
    expect(written.map(({ attempt, outcome }) => `${attempt} ${outcome}`)).toEqual([
      ...['1 resolved', '2 resolved', '3 resolved', '4 resolved'],
    ]);
  });

  test('are none where the machine failed: the patch is graded again', async () => {
    const { graded, ask } = grader(({ prediction }) =>
      prediction.attempt === 1 ? 'infra_error' : 'unresolved',
    );
    expect((await ask(job(1, 'one')))?.outcome).toBe('infra_error');
    expect((await ask(job(2, 'one')))?.outcome).toBe('unresolved');
    expect((await ask(job(3, 'one')))?.outcome).toBe('unresolved');
    expect(graded).toEqual(['one 1', 'one 2']);
  });
});
