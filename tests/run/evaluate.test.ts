import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AssayError, type RunEvent, type Verdict } from '../../src/index.js';
import { type EvaluateOptions, evaluate } from '../../src/run/evaluate.js';
import { attemptFolder, readLog, readRun } from '../../src/run/folder.js';
import type { Job } from '../../src/run-instance.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';
import { type FakeEngineOptions, fakeEngine, type Reply } from '../helpers/fake-engine.js';
import { runInstanceOf, testClock, testContext, testJob, testManifest } from '../helpers/jobs.js';

const self = identifyProcess(process.pid) as ProcessIdentity;
const passing: FakeEngineOptions['exec'] = (command) =>
  command.includes('/eval.sh') ? { output: 'PASS' } : {};
let folder = '';

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'assay-run-')), 'run');
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

async function start(jobs: readonly Job[], engine: FakeEngineOptions, extra: Partial<EvaluateOptions> = {}) {
  const events: RunEvent[] = [];
  const fake = fakeEngine(engine);
  const results = evaluate({
    folder,
    manifest: testManifest(),
    instances: jobs.map(runInstanceOf),
    jobs,
    context: await testContext(fake, { clock: testClock(100) }),
    owner: self,
    workers: 2,
    retries: 0,
    durations: new Map(),
    onEvent: (event) => events.push(event),
    onWarning: () => undefined,
    drain: new AbortController().signal,
    kill: new AbortController().signal,
    ...extra,
  });
  return { results, events, fake };
}

const outcomes = (verdicts: readonly Verdict[]) =>
  Object.fromEntries(verdicts.map(({ instanceId, outcome }) => [instanceId, outcome]));

async function ledgerVerdicts(): Promise<string[]> {
  const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as RunEvent);
  return events.flatMap((event) => (event.type === 'verdict' ? [event.verdict.instanceId] : []));
}

describe('a run', () => {
  test('keeps patch, log and verdict of each attempt, and reads back as it was', async () => {
    const { results, fake } = await start([testJob('a'), testJob('b', null)], { exec: passing });
    expect(outcomes((await results).verdicts)).toEqual({ a: 'resolved', b: 'invalid' });
    expect(await readLog(folder, 'a', 1)).toBe('PASS');
    expect(await readFile(join(attemptFolder(folder, 'a', 1), 'patch.diff'), 'utf8')).toBe('diff');
    expect(await readRun(folder)).toEqual(await results);
    expect(fake.alive.size).toBe(0);
  });

  test('started again, does only what has no verdict', async () => {
    await (await start([testJob('a'), testJob('b')], { exec: passing })).results;
    await rm(join(attemptFolder(folder, 'b', 1), 'verdict.json'));
    const again = await start([testJob('a'), testJob('b')], { exec: passing });
    expect(outcomes((await again.results).verdicts)).toEqual({ a: 'resolved', b: 'resolved' });
    expect(again.fake.started.map(({ labels }) => labels['assay.instance'])).toEqual(['b']);
    expect(again.events[0]).toMatchObject({ type: 'run_start', total: 2, done: 1, counts: { resolved: 1 } });
  });

  test('with changed settings is refused with the difference', async () => {
    await (await start([testJob('a')], { exec: passing })).results;
    const other = await start(
      [testJob('a')],
      { exec: passing },
      { manifest: testManifest({ timeout: '60' }) },
    );
    await expect(other.results).rejects.toMatchObject({
      code: 'run_changed',
      message: expect.stringContaining('  options.timeout\n    was not given\n    now "60"'),
    });
  });

  test('in a folder where another process works is refused', async () => {
    const { results } = await start([testJob('a')], {
      exec: async (command) => {
        if (command.includes('/eval.sh')) {
          const second = await start([testJob('a')], { exec: passing });
          await expect(second.results).rejects.toMatchObject({ code: 'run_locked' });
        }
        return { output: 'PASS' };
      },
    });
    expect((await results).verdicts).toHaveLength(1);
  });

  test('goes on after a process that died with the lock, a torn event and an unfinished attempt', async () => {
    await (await start([testJob('a'), testJob('b')], { exec: passing })).results;
    await rm(join(attemptFolder(folder, 'b', 1), 'verdict.json'));
    const events = join(folder, 'events.jsonl');
    const kept = (await readFile(events, 'utf8')).split('\n').filter((line) => !line.includes('"verdict"'));
    await writeFile(events, `${kept.join('\n')}`);
    await appendFile(events, '{"type":"verdict","at":"2026');
    await writeFile(join(folder, 'lock'), JSON.stringify({ pid: self.pid, started: 'another life' }));
    const { results } = await start([testJob('a'), testJob('b')], { exec: passing });
    expect(outcomes((await results).verdicts)).toEqual({ a: 'resolved', b: 'resolved' });
    expect(await ledgerVerdicts()).toEqual(['a', 'b']);
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });

  test('tries again what failed for the machine, keeps the tries in the ledger, and counts one verdict', async () => {
    let starts = 0;
    const { results, events } = await start(
      [testJob('a')],
      {
        exec: passing,
        onStart: () => {
          if (++starts < 3) throw new AssayError('engine_failed', 'no');
        },
      },
      { retries: 2 },
    );
    expect((await results).verdicts).toMatchObject([{ outcome: 'resolved', tries: 3 }]);
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(2);
  });

  test('does not try again what another try cannot mend, nor a wrong patch', async () => {
    const missing = testJob('a');
    const { results, fake } = await start(
      [{ ...missing, spec: { ...missing.spec, images: ['nope'] } }, testJob('b')],
      { exec: (command) => (command.includes('/eval.sh') ? { output: 'FAIL' } : {}) },
      { retries: 5 },
    );
    expect((await results).verdicts.map(({ tries }) => tries)).toEqual([1, 1]);
    expect(fake.started).toHaveLength(1);
  });

  test('drained, ends what runs and starts nothing new; then goes on to the same result', async () => {
    const drain = new AbortController();
    const jobs = ['a', 'b', 'c', 'd'].map((id) => testJob(id));
    const first = await start(
      jobs,
      {
        exec: (command) => {
          drain.abort();
          return passing(command, new Map(), {
            image: '',
            name: '',
            labels: {},
            limits: { memoryBytes: 1, cpus: 1, pids: 1, network: false, capAdd: [] },
          });
        },
      },
      { drain: drain.signal, workers: 1 },
    );
    await expect(first.results).rejects.toMatchObject({ code: 'interrupted' });
    expect((await readRun(folder)).verdicts).toHaveLength(1);
    const second = await start(jobs, { exec: passing });
    expect((await second.results).verdicts).toHaveLength(4);
  });

  test('killed, removes every container and leaves no verdict of what was running', async () => {
    const kill = new AbortController();
    const { results, fake, events } = await start(
      ['a', 'b', 'c'].map((id) => testJob(id)),
      {
        exec: (command) => {
          setTimeout(() => kill.abort(new Error('killed')), 5);
          const reply: Reply = command.includes('/eval.sh') ? { hang: true } : {};
          return reply;
        },
      },
      { kill: kill.signal },
    );
    await expect(results).rejects.toMatchObject({ code: 'interrupted' });
    expect(fake.alive.size).toBe(0);
    expect((await readRun(folder)).verdicts).toHaveLength(0);
    expect(events.at(-1)).toMatchObject({ type: 'run_end', status: 'interrupted' });
  });

  test('stops after the given number of infrastructure errors', async () => {
    const { results, fake } = await start(
      Array.from({ length: 20 }, (_, index) => testJob(`i${index}`)),
      { onStart: () => Promise.reject(new AssayError('engine_failed', 'no')) },
      { maxFailures: 3, workers: 1 },
    );
    await expect(results).rejects.toMatchObject({ code: 'too_many_failures' });
    expect((await readRun(folder)).verdicts).toHaveLength(3);
    expect(fake.alive.size).toBe(0);
  });

  test('a container that cannot be removed is a warning and changes no verdict', async () => {
    const warnings: string[] = [];
    const { results } = await start(
      [testJob('a')],
      { exec: passing, onDestroy: () => Promise.reject(new AssayError('engine_failed', 'busy')) },
      { onWarning: (text) => warnings.push(text) },
    );
    expect((await results).verdicts).toMatchObject([{ outcome: 'resolved' }]);
    expect(warnings).toEqual([expect.stringContaining('busy')]);
  });

  test('removes a container when the engine is back', async () => {
    const warnings: string[] = [];
    let away = 3;
    const { results, fake } = await start(
      [testJob('a')],
      {
        exec: passing,
        onDestroy: () =>
          away-- > 0 ? Promise.reject(new AssayError('engine_unavailable', 'away')) : undefined,
      },
      { onWarning: (text) => warnings.push(text) },
    );
    expect((await results).verdicts).toMatchObject([{ outcome: 'resolved' }]);
    expect([warnings, fake.alive.size]).toEqual([[], 0]);
  });

  test('removes at its end what an engine made for it without saying so', async () => {
    const asked: unknown[] = [];
    const fake = fakeEngine({ exec: passing });
    const reap: typeof fake.containers.reap = async (labels, isOrphan) => {
      asked.push([labels, isOrphan({})]);
      return [];
    };
    const engine = { ...fake, containers: { ...fake.containers, reap } };
    const labels = { 'assay.run': 'r', 'assay.pid': '1' };
    const context = await testContext(engine, { clock: testClock(100), labels });
    await (await start([testJob('a')], {}, { context })).results;
    expect(asked).toEqual([[labels, true]]);
  });

  test('starts the next container while tests run, uses it, and leaves none of them after a kill', async () => {
    const kill = new AbortController();
    const jobs = ['a', 'b', 'c'].map((id) => testJob(id));
    let startedByTestsOfA = 0;
    const { results, fake } = await start(
      jobs,
      {
        exec: async (command, files) => {
          if (!command.includes('/eval.sh')) return {};
          await new Promise((resolve) => setTimeout(resolve, 20));
          if (files.get('/eval.sh') === 'run a') startedByTestsOfA = fake.started.length;
          if (files.get('/eval.sh') === 'run b') kill.abort(new Error('killed'));
          return { output: 'PASS' };
        },
      },
      { workers: 1, kill: kill.signal },
    );
    await expect(results).rejects.toMatchObject({ code: 'interrupted' });
    expect(startedByTestsOfA).toBe(2);
    expect(fake.started.map(({ labels }) => labels['assay.instance'])).toEqual(['a', 'b', 'c']);
    expect(fake.alive.size).toBe(0);
  });

  test('starts the longest known instances first', async () => {
    const { results, fake } = await start(
      ['a', 'b', 'c'].map((id) => testJob(id)),
      { exec: passing },
      {
        workers: 1,
        durations: new Map([
          ['b', 9],
          ['c', 5],
        ]),
      },
    );
    await results;
    expect(fake.started.map(({ labels }) => labels['assay.instance'])).toEqual(['b', 'c', 'a']);
  });

  test('whose disk is full fails with that, takes no new attempt and frees the folder; then goes on', async () => {
    const jobs = ['a', 'b', 'c', 'd'].map((id) => testJob(id));
    // No folder can be made where a file is: the third attempt can't write its patch.
    await (await start([testJob('z')], { exec: passing })).results;
    await writeFile(join(folder, 'i', 'c'), '');
    const run = () => start([testJob('z'), ...jobs], { exec: passing }, { workers: 1 });
    const first = await run();
    await expect(first.results).rejects.toMatchObject({ code: 'file_unusable' });
    const begun = first.events.flatMap((event) => (event.type === 'attempt_start' ? [event.instanceId] : []));
    expect(begun).toEqual(['a', 'b', 'c']);
    expect(first.fake.alive.size).toBe(0);
    expect(first.events.at(-1)).toMatchObject({ type: 'run_end', status: 'failed' });
    expect(existsSync(join(folder, 'lock'))).toBe(false);
    await rm(join(folder, 'i', 'c'));
    expect((await (await run()).results).verdicts).toHaveLength(5);
  });

  test('whose events cannot be written fails, and frees the folder', async () => {
    await (await start([testJob('a')], { exec: passing })).results;
    const events = join(folder, 'events.jsonl');
    await rm(events);
    const { results } = await start(
      [testJob('a'), testJob('b')],
      {
        exec: async (command, ...others) => {
          await rm(events, { force: true });
          await mkdir(events, { recursive: true });
          return (await passing?.(command, ...others)) ?? {};
        },
      },
      { workers: 1 },
    );
    await expect(results).rejects.toMatchObject({ code: 'file_unusable' });
    expect(existsSync(join(folder, 'lock'))).toBe(false);
    await rm(events, { recursive: true });
    const again = await start([testJob('a'), testJob('b')], { exec: passing });
    expect((await again.results).verdicts).toHaveLength(2);
    expect(await ledgerVerdicts()).toEqual(['a', 'b']);
  });

  test('with a broken line in its events goes on, and each verdict is there once', async () => {
    await (await start([testJob('a')], { exec: passing })).results;
    const events = join(folder, 'events.jsonl');
    const text = await readFile(events, 'utf8');
    await writeFile(events, `{"type":"verdict","at":\n${text}{"type":"verdict"}\n`);
    const again = await start([testJob('a')], { exec: passing });
    expect((await again.results).verdicts).toHaveLength(1);
    expect((await readFile(events, 'utf8')).match(/"type":"verdict".*"a"/g)).toHaveLength(1);
  });

  test('finds chosen verdicts anew and keeps the old ones beside them', async () => {
    const failing = { exec: () => ({ fail: new AssayError('engine_failed', 'no') }) };
    const jobs = [testJob('a'), testJob('b', null)];
    await (await start(jobs, failing)).results;
    const again = await start(jobs, { exec: passing }, { again: ({ outcome }) => outcome === 'infra_error' });
    expect(outcomes((await again.results).verdicts)).toEqual({ a: 'resolved', b: 'invalid' });
    expect((await readdir(join(folder, 'i', 'a'))).sort()).toEqual(['1', expect.stringMatching(/^1\.2/)]);
  });
});
