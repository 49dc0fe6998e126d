import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Engine } from '../../src/index.js';
import { openProofs, type Subject } from '../../src/reinstall/proofs.js';
import { prove } from '../../src/reinstall/prove.js';
import { reinstallBy } from '../../src/reinstall/skip.js';
import { startAhead } from '../../src/run/ahead.js';
import { type Job, runInstance } from '../../src/run-instance.js';
import { type FakeEngineOptions, fakeEngine, type Reply } from '../helpers/fake-engine.js';
import { testContext, testJob, testProfile, testSpec } from '../helpers/jobs.js';

const STEP = 'python -m pip install -e .';
const SCRIPT = `cd /testbed\ngit status\n${STEP}\nrun tests`;
const edit = (path: string) =>
  `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n`;
const GOLD = edit('pkg/fixed.py');

const jobOf = (patch: string | null, extra: Parameters<typeof testSpec>[1] = {}): Job => ({
  ...testJob('a', patch),
  spec: testSpec('a', { evalScript: SCRIPT, ...extra }),
});

let cacheDir = '';
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'assay-reinstall-'));
});
afterEach(() => rm(cacheDir, { recursive: true, force: true }));

interface World {
  /** What the step opens. */
  readonly opened?: readonly string[];
  readonly stepExit?: number;
  /** The log of a script, by whether the step is in it and the patch. */
  readonly tests?: (whole: boolean, patch: string) => Reply;
  readonly apply?: (command: string) => Reply;
}

const outcome = (patch: string): Reply => ({ output: patch.includes('fixed.py') ? 'PASS' : 'FAIL' });

/** Containers in which the step opens files and the tests pass with the gold patch; notes what was put into them. */
function world({ opened = ['setup.py', 'pkg/__init__.py'], stepExit = 0, tests, apply }: World = {}) {
  const scripts: string[] = [];
  const archives: string[] = [];
  const exec: NonNullable<FakeEngineOptions['exec']> = (command, files) => {
    if (command.includes('assay-watch.py'))
      return { output: `noise\n${JSON.stringify({ exitCode: stepExit, whole: true, opened })}\n` };
    if (command.includes('tar -C /')) return { output: 'BYTE CODE' };
    if (command.includes('apply-')) return apply?.(command) ?? {};
    if (!command.includes('/eval.sh')) return {};
    const script = files.get('/eval.sh') ?? '';
    const patch = files.get('/tmp/patch.diff') ?? '';
    scripts.push(script);
    return (tests ?? ((_whole, text) => outcome(text)))(script.includes(STEP), patch);
  };
  const fake = fakeEngine({ exec });
  const engine: Engine = {
    ...fake,
    containers: {
      ...fake.containers,
      async start(spec, signal) {
        const container = await fake.containers.start(spec, signal);
        return { ...container, putArchive: async (tar) => void archives.push(await text(tar)) };
      },
    },
  };
  return { engine, fake, scripts, archives };
}

const proofsOf = (version = '1', engine = 'docker') => openProofs({ cacheDir, engine, version });
const never = new AbortController().signal;
const quiet = {
  discard: () => undefined,
  signal: never,
  log: { write: () => undefined, end: async () => undefined },
  onPhase: () => undefined,
};

async function proven({ engine }: { readonly engine: Engine }, { job = jobOf(GOLD), refresh = false } = {}) {
  const { log: _log, onPhase: _onPhase, ...rest } = quiet;
  const context = { ...(await testContext(engine)), ...rest };
  return prove({ gold: job, proofs: proofsOf(), context, refresh });
}

async function judged(engine: Engine, job: Job) {
  const context = await testContext(engine, { reinstall: reinstallBy(proofsOf()) });
  return runInstance(job, { ...context, ...quiet });
}

describe('the proof that a re-install may be left out', () => {
  test('is made of what the step opens and of equal runs of gold patch and untouched tree', async () => {
    const here = world();
    const proof = await proven(here);
    expect(proof?.fault).toBeUndefined();
    expect(proof?.opened).toEqual(['setup.py', 'pkg/__init__.py']);
    expect(proof?.runs.map(({ patch, always, skipped }) => [patch, always.outcome, skipped.outcome])).toEqual(
      [
        ['gold', 'resolved', 'resolved'],
        ['empty', 'unresolved', 'unresolved'],
      ],
    );
    // First the run that leaves byte code, then gold and empty, each whole and without the step.
    expect(here.scripts.map((script) => script.includes(STEP))).toEqual([false, true, false, true, false]);
    expect(here.archives).toEqual(['BYTE CODE', 'BYTE CODE']);
  });

  test.each([
    [
      'a verdict differs',
      { tests: (whole: boolean, patch: string) => (whole ? outcome(patch) : { output: 'FAIL' }) },
      'gold: resolved (tests_passed) with it, unresolved (tests_failed) without, and other lists of tests',
    ],
    [
      'an exit code differs',
      { tests: (whole: boolean, patch: string) => ({ ...outcome(patch), exitCode: whole ? 0 : 1 }) },
      'gold: resolved (tests_passed) with it, resolved (tests_passed) without',
    ],
    [
      'the gold patch does not resolve',
      { tests: () => ({ output: 'FAIL' }) },
      'gold: unresolved (tests_failed), where resolved was expected',
    ],
    [
      'the untouched tree resolves',
      { tests: () => ({ output: 'PASS' }) },
      'empty: resolved (tests_passed), where unresolved was expected',
    ],
    ['the step asks git', { opened: ['setup.py', '.git/index'] }, 'it asks git for the state of the tree'],
    ['the step fails', { stepExit: 1 }, 'the re-install itself ends with 1'],
  ] as const)('is none where %s', async (_what, different: World, fault) => {
    const here = world(different);
    expect((await proven(here))?.fault).toBe(fault);
    expect((await judged(world().engine, jobOf(GOLD))).reinstall).toBeUndefined();
    expect(await readdir(join(cacheDir, 'reinstall'))).toHaveLength(1);
  });

  test('is not kept where the machine fails', async () => {
    await expect(
      proven(world({ tests: () => ({ hang: true, output: '' }) }), {
        job: {
          ...jobOf(GOLD),
          profile: {
            ...testProfile,
            prepareScript: () => {
              throw new Error('broken');
            },
          },
        },
      }),
    ).rejects.toThrow('broken');
    await expect(
      proven({ engine: world({ opened: [] }).engine }, { job: jobOf(GOLD, { images: ['none:latest'] }) }),
    ).rejects.toMatchObject({ code: 'image_missing' });
    await expect(readdir(join(cacheDir, 'reinstall'))).rejects.toThrow('ENOENT');
  });

  test('is found once, and anew when asked to', async () => {
    const here = world();
    await proven(here);
    const started = here.fake.started.length;
    await proven(here);
    expect(here.fake.started).toHaveLength(started);
    await proven(here, { refresh: true });
    expect(here.fake.started).toHaveLength(2 * started);
  });

  test('there is nothing to prove where the script has no such step', async () => {
    const here = world();
    expect(
      await proven(here, { job: jobOf(GOLD, { evalScript: 'pip install .\nrun tests' }) }),
    ).toBeUndefined();
    expect(here.fake.started).toEqual([]);
  });

  test('holds for the very image, script, row, profile, grader, engine and version alone', async () => {
    const { key = '' } = (await proven(world())) ?? {};
    const { spec, profile } = jobOf(GOLD);
    const same: Subject = { spec, profile, imageDigest: 'sha256:1' };
    expect(proofsOf().keyOf(same)).toBe(key);
    const others = [
      proofsOf().keyOf({ ...same, imageDigest: 'sha256:2' }),
      proofsOf().keyOf({ ...same, spec: { ...spec, evalScript: `${SCRIPT} ` } }),
      proofsOf().keyOf({ ...same, spec: { ...spec, rowHash: 'other' } }),
      proofsOf().keyOf({ ...same, profile: { ...profile, graderVersion: 'test-2' } }),
      proofsOf().keyOf({ ...same, profile: { ...profile, prepareScript: (script) => `${script}\necho` } }),
      proofsOf('1', 'local').keyOf(same),
      proofsOf('2').keyOf(same),
    ];
    expect(new Set([key, ...others]).size).toBe(others.length + 1);
    for (const other of others) expect(await proofsOf().find(other)).toBeUndefined();
  });

  test('counts for nothing when its file is damaged, or is another one', async () => {
    const { key = '' } = (await proven(world())) ?? {};
    const file = join(cacheDir, 'reinstall', `${key}.json`);
    const whole = await readFile(file, 'utf8');
    for (const damaged of [
      whole.slice(0, -20),
      whole.replace(key, 'f'.repeat(64)),
      whole.replace('"opened"', '"closed"'),
    ]) {
      await writeFile(file, damaged);
      expect(await proofsOf().find(key)).toBeUndefined();
    }
  });
});

describe('a verdict with a proof', () => {
  test('runs the script without the step, has the same lists as a whole run, and says so', async () => {
    const here = world();
    await proven(here);
    const whole = await runInstance(jobOf(GOLD), { ...(await testContext(here.engine)), ...quiet });
    const skipped = await judged(here.engine, jobOf(GOLD));
    expect(here.scripts.at(-1)).toBe(SCRIPT.replace(STEP, ": 'assay: re-install skipped'"));
    const { outcome: result, tests, exitCode } = whole;
    expect(skipped).toMatchObject({ outcome: result, tests, exitCode, reinstall: 'skipped' });
    expect(whole.reinstall).toBeUndefined();
    expect(skipped.key).not.toBe(whole.key);
  });

  test('runs the whole script for a patch that touches what the step reads', async () => {
    const here = world();
    await proven(here);
    const verdict = await judged(here.engine, jobOf(edit('setup.py')));
    expect(verdict.reinstall).toBeUndefined();
    expect(here.scripts.at(-1)).toBe(SCRIPT);
  });

  test('runs the whole script where the first command did not apply the patch', async () => {
    await proven(world());
    const here = world({ apply: (command) => ({ exitCode: command.includes('strict') ? 1 : 0 }) });
    const verdict = await judged(here.engine, jobOf(GOLD));
    expect(verdict).toMatchObject({ outcome: 'resolved', appliedWith: 'apply-loose /tmp/patch.diff' });
    expect(verdict.reinstall).toBeUndefined();
    expect(here.scripts).toEqual([SCRIPT]);
  });
});

describe('a container ahead of a patch', () => {
  const labels = { 'assay.instance': 'a' };

  async function announced(here: ReturnType<typeof world>) {
    const context = await testContext(here.engine, { reinstall: reinstallBy(proofsOf()) });
    const ahead = startAhead({ ...context, signal: never }, (spec) => spec.labels['assay.instance']);
    ahead.prepare(jobOf(null));
    while (here.fake.started.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const engine = { ...here.engine, containers: ahead.containers };
    return { ahead, judge: (patch: string) => runInstance(jobOf(patch), { ...context, engine, ...quiet }) };
  }

  test('is given byte code where there is a proof, and goes to a patch that is judged without the step', async () => {
    await proven(world());
    const here = world();
    const { ahead, judge } = await announced(here);
    expect(here.fake.started[0]?.labels).toMatchObject({ ...labels, 'assay.reinstall': 'skipped' });
    expect((await judge(GOLD)).reinstall).toBe('skipped');
    expect(here.archives).toEqual(['BYTE CODE']);
    expect(here.fake.started).toHaveLength(1);
    expect(ahead.waiting()).toBe(0);
  });

  test('that was made ready does not go to a patch whose script runs whole', async () => {
    await proven(world());
    const here = world();
    const { ahead, judge } = await announced(here);
    expect((await judge(edit('setup.py'))).reinstall).toBeUndefined();
    expect(here.fake.started).toHaveLength(2);
    expect(ahead.waiting()).toBe(1);
  });

  test('is as the image is where there is no proof, and goes to any patch', async () => {
    const here = world();
    const { ahead, judge } = await announced(here);
    expect((await judge(GOLD)).reinstall).toBeUndefined();
    expect(here.archives).toEqual([]);
    expect(here.fake.started).toHaveLength(1);
    expect(ahead.waiting()).toBe(0);
  });
});
