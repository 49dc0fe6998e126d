import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Validation, ValidationEntry } from '../../src/index.js';
import { evaluate } from '../../src/run/evaluate.js';
import { readVerdicts } from '../../src/run/folder.js';
import { keepValidation, readValidations, validate } from '../../src/run/validate.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';
import { type FakeEngineOptions, fakeEngine } from '../helpers/fake-engine.js';
import { runInstanceOf, testClock, testContext, testJob, testManifest } from '../helpers/jobs.js';

const self = identifyProcess(process.pid) as ProcessIdentity;
const never = new AbortController().signal;
const EPOCHS = 2;
let folder = '';

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'assay-validate-')), 'run');
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

/** The tests pass with a patch that says so. */
const honest: FakeEngineOptions['exec'] = (command, _files, { labels }) =>
  command.includes('/eval.sh') ? { output: Number(labels['assay.attempt']) % 2 === 1 ? 'PASS' : 'FAIL' } : {};

/** As `assay validate` makes them: the gold patch has the odd attempts, the untouched tree the even ones. */
const jobsOf = (id: string) =>
  Array.from({ length: EPOCHS }, (_, epoch) => [
    testJob(id, 'gold', { attempt: 2 * epoch + 1 }),
    testJob(id, '', { attempt: 2 * epoch + 2, untouched: true }),
  ]).flat();

interface Call {
  readonly exec?: FakeEngineOptions['exec'];
  readonly digest?: string;
  readonly known?: readonly ValidationEntry[];
  readonly refresh?: boolean;
  readonly drain?: AbortSignal;
}

async function run(ids: readonly string[], call: Call = {}) {
  const { exec = honest, digest = 'sha256:1', known = [], refresh = false, drain = never } = call;
  const engine = fakeEngine({ exec, images: { 'image:latest': digest } });
  const manifest = testManifest();
  const settings = { ...manifest.settings, epochs: EPOCHS };
  const instances = ids.map((id) => ({ ...runInstanceOf(testJob(id)), attempts: 2 * EPOCHS }));
  const result = await validate({
    manifest: { ...manifest, settings, machine: { cpus: 4 } },
    instances,
    jobs: ids.flatMap(jobsOf),
    refresh,
    known,
    held: await readVerdicts(folder),
    digests: new Map(ids.map((id) => [id, digest])),
    evaluate: async (jobs, again) =>
      evaluate({
        folder,
        manifest: { ...manifest, settings, machine: { cpus: 4 } },
        instances,
        jobs,
        context: await testContext(engine, { clock: testClock(100) }),
        owner: self,
        again,
        workers: 2,
        retries: 0,
        durations: new Map(),
        onEvent: () => undefined,
        onWarning: () => undefined,
        drain,
        kill: never,
      }),
    now: '2026-11-22T00:00:00.000Z',
  });
  const classes = Object.fromEntries(result.entries.map((entry) => [entry.instanceId, entry.class]));
  return { ...result, classes, started: engine.started.map(({ labels }) => labels['assay.instance']) };
}

describe('a validation', () => {
  test('evaluates gold patch and untouched tree of each instance, and classifies it', async () => {
    const { entries, classes, started } = await run(['good', 'broken', 'easy', 'moody'], {
      exec: (command, files, spec) => {
        if (!command.includes('/eval.sh')) return {};
        const { 'assay.instance': id, 'assay.attempt': attempt } = spec.labels;
        if (id === 'broken') return { output: 'FAIL' };
        if (id === 'easy') return { output: 'PASS' };
        if (id === 'moody') return { output: attempt === '1' ? 'PASS' : 'FAIL' };
        return (honest as NonNullable<typeof honest>)(command, files, spec);
      },
    });
    expect(classes).toEqual({ good: 'valid', broken: 'gold_fails', easy: 'empty_resolves', moody: 'flaky' });
    expect(started).toHaveLength(4 * 2 * EPOCHS);
    expect(entries[0]).toMatchObject({
      rowHash: 'row-good',
      imageDigest: 'sha256:1',
      graderVersion: 'test-1',
      epochs: EPOCHS,
      resolved: { gold: 2, empty: 0 },
      machine: { cpus: 4 },
    });
  });

  test('is not repeated for what is known of the same image, and is for another one', async () => {
    const first = await run(['a', 'b']);
    expect(first.reused).toBe(0);
    const same = await run(['a', 'b'], { known: first.entries });
    expect([same.reused, same.started, same.entries]).toEqual([2, [], first.entries]);
    const rebuilt = await run(['a', 'b'], { known: first.entries, digest: 'sha256:2' });
    expect([rebuilt.reused, rebuilt.started.length]).toEqual([0, 8]);
    expect(rebuilt.entries.map(({ imageDigest }) => imageDigest)).toEqual(['sha256:2', 'sha256:2']);
  });

  test('is not repeated in another run folder either', async () => {
    const first = await run(['a']);
    folder = `${folder}-other`;
    const other = await run(['a', 'b'], { known: first.entries });
    expect([other.reused, new Set(other.started)]).toEqual([1, new Set(['b'])]);
    expect(other.entries[0]).toEqual(first.entries[0]);
  });

  test.each([
    ['row', { rowHash: 'other' }],
    ['profile', { profile: 'v4.1' as const }],
    ['grader version', { graderVersion: 'other' }],
    ['image', { imageDigest: 'sha256:other' }],
    ['number of epochs', { epochs: 1 }],
    ['verdict, which was the machine’s fault', { class: 'infra' as const }],
  ])('makes no use of an entry of another %s', async (_what, fields) => {
    const { entries } = await run(['a']);
    folder = `${folder}-other`;
    const again = await run(['a'], { known: entries.map((entry) => ({ ...entry, ...fields })) });
    expect([again.reused, again.started.length]).toEqual([0, 2 * EPOCHS]);
  });

  test('with refresh evaluates what is known again, and keeps the old attempts', async () => {
    const first = await run(['a']);
    const again = await run(['a'], { known: first.entries, refresh: true });
    expect([again.reused, again.started.length]).toEqual([0, 2 * EPOCHS]);
  });

  test('tries again what the machine failed at, and only that', async () => {
    const first = await run(['a', 'b'], {
      exec: (command, files, spec) => {
        if (spec.labels['assay.instance'] === 'b' && spec.labels['assay.attempt'] === '3')
          throw new Error('the engine has a bad day');
        return (honest as NonNullable<typeof honest>)(command, files, spec);
      },
    });
    expect(first.classes).toEqual({ a: 'valid', b: 'infra' });
    const second = await run(['a', 'b'], { known: first.entries });
    expect(second.classes).toEqual({ a: 'valid', b: 'valid' });
    expect([second.reused, second.started]).toEqual([1, ['b']]);
  });

  test('that is interrupted says so and judges nothing', async () => {
    const drain = new AbortController();
    const exec: FakeEngineOptions['exec'] = (...call) => {
      drain.abort();
      return (honest as NonNullable<typeof honest>)(...call);
    };
    await expect(run(['a', 'b'], { exec, drain: drain.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect((await run(['a', 'b'])).classes).toEqual({ a: 'valid', b: 'valid' });
  });
});

describe('what is known of a dataset file', () => {
  const keep = (entries: readonly ValidationEntry[]) => {
    const validation: Validation = {
      schemaVersion: 1,
      dataset: 'test',
      datasetRevision: 'local',
      datasetSha256: 'abc',
      date: '2026-11-22T00:00:00.000Z',
      entries: [...entries],
    };
    return keepValidation(validation, { cacheDir: folder, owner: self, signal: never, onWarning: fail });
  };
  const fail = (message: string) => {
    throw new Error(message);
  };

  test('is kept by question: newer answers replace older ones, others stay, and the machine’s faults are left out', async () => {
    const { entries } = await run(['a', 'b']);
    const [a, b] = entries as [ValidationEntry, ValidationEntry];
    await keep([a, b]);
    const newer = { ...a, class: 'flaky' as const };
    const rebuilt = { ...a, imageDigest: 'sha256:2' };
    await keep([newer, rebuilt, { ...b, class: 'infra' as const }]);
    expect(await readValidations(folder, 'abc', fail)).toEqual([b, newer, rebuilt]);
    expect(await readValidations(folder, 'other', fail)).toEqual([]);
  });

  test('is nothing, with a warning, where the file is damaged', async () => {
    await keep([]);
    const path = join(folder, 'validations', 'abc.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"schemaVersion": 1', '"schemaVersion": 9'));
    const warnings: string[] = [];
    expect(await readValidations(folder, 'abc', (message) => warnings.push(message))).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('schemaVersion')]);
  });
});
