import { randomBytes } from 'node:crypto';
import { PATCH_FILE } from './container/apply.js';
import { type Deadlines, withDeadline } from './container/deadline.js';
import { invertTests, isInvertible } from './container/invert-tests.js';
import { assertSpace, EVAL_SCRIPT, type LogSink, runTests, type TestRun } from './container/test-log.js';
import type { Container, ContainerSpec, Engine } from './engine/engine.js';
import { AssayError } from './errors.js';
import { type Judgement, judge } from './grade/verdict.js';
import { changedComparisons } from './integrity/comparisons.js';
import {
  copyIds,
  type InvertedTest,
  type InvertedTests,
  invertedIds,
  resetCommitOf,
  resetPathsOf,
  testPatchOf,
  withTestPatch,
} from './integrity/inverted.js';
import { logSigns } from './integrity/log.js';
import { type GuardedPath, guardedPaths } from './integrity/paths.js';
import { reaches } from './integrity/reach.js';
import type { EvalSpec } from './model/eval-spec.js';
import type { GradingProfile } from './model/grading.js';
import type { Prediction } from './model/prediction.js';
import type { StrictVerdict } from './model/verdict.js';
import { checkPatch, type PatchFile } from './patch/check.js';
import type { Clock } from './util/clock.js';
import { listed } from './util/words.js';

/** A further run of an attempt. */
export type FurtherRun = 'restored' | 'inverted';

interface StrictOptions {
  readonly job: {
    readonly spec: EvalSpec;
    readonly prediction: Prediction;
    readonly profile: GradingProfile;
  };
  /** The container of the official run. */
  readonly container: ContainerSpec;
  /** The command that applied the patch. */
  readonly command: string;
  readonly judgement: Judgement;
  /** Log of the official run. */
  readonly log: string;
  /** What the official run's tree changed in files, with the whole files; undefined where git can't tell. */
  readonly diffOf: (paths: readonly string[], signal: AbortSignal) => Promise<string | undefined>;
  readonly context: {
    readonly engine: Engine;
    readonly clock: Clock;
    readonly deadlines: Deadlines;
    readonly discard: (container: Promise<Container>) => void;
    readonly logOf: (run: FurtherRun) => LogSink;
    readonly signal: AbortSignal;
  };
}

/** Puts the paths of a list back as they were in the image's commit; what was not there goes. */
const RESTORE = `while IFS= read -r -d '' path; do
  git --literal-pathspecs checkout -q HEAD -- "$path" 2>/dev/null || rm -rf -- "$path"
done </tmp/guarded`;

/**
 * The strict verdict of an attempt whose tests ran, by up to two further runs in fresh containers, both only where the official verdict is `resolved`:
 * one with the guarded paths that the patch touches as they were, which must be resolved, too; and, for a patch that might reach beyond its own
 * computation, one with inverted tests, none of which may pass. Rejects for faults of the machine.
 */
export async function strictVerdict(options: StrictOptions): Promise<StrictVerdict> {
  const { job, judgement } = options;
  const { evalScript } = job.spec;
  const tests = checkPatch(testPatchOf(evalScript) ?? '').files;
  const reset = resetPathsOf(evalScript, new Set(tests.flatMap(({ oldPath }) => oldPath ?? [])));
  const files = checkPatch(job.prediction.patch ?? '').files.filter((file) => !isReset(file, reset));
  const { guarded, named } = lookAt(files, tests, options);
  if (judgement.outcome !== 'resolved')
    return { resolved: false, reason: judgement.reason, guarded: [...guarded], reaches: [...named] };
  // What names nothing that reaches beyond the tree has left it as the patch made it.
  const reached = named.length > 0 ? named : await comparisons(files, options);
  const found = { guarded: [...guarded], reaches: [...reached] };
  const tampered = (detail: string, more: Partial<StrictVerdict> = {}): StrictVerdict => ({
    resolved: false,
    reason: 'tampered',
    detail,
    ...found,
    ...more,
  });
  const barred = [
    ...guarded.filter(({ guard }) => guard === 'repository').map(({ path }) => path),
    ...files
      .flatMap(({ oldPath = '', newPath = '' }) => [oldPath, newPath])
      .filter((path) => !isInside(path)),
  ];
  if (barred.length > 0)
    return tampered(`the patch writes to git's own files or out of the tree: ${listed(barred, 3)}`);
  const couldInvert =
    tests.length === 0 || tests.some(({ newPath }) => newPath !== undefined && isInvertible(newPath));
  const inverted = reached.length === 0 || !couldInvert ? undefined : await invertedRun(options);
  const sign = inverted === undefined ? undefined : signOf(inverted);
  if (sign !== undefined) return tampered(sign, { inverted });
  const more = inverted === undefined ? {} : { inverted };
  if (guarded.length === 0) return { resolved: true, reason: judgement.reason, ...found, ...more };
  const restored = await restoredRun(options, guarded);
  if (restored.outcome === 'resolved')
    return { resolved: true, reason: judgement.reason, ...found, ...more, restored: true };
  const paths = listed(
    guarded.map(({ path }) => path),
    3,
  );
  return tampered(`with ${paths} as before the patch: ${restored.detail ?? restored.reason}`, {
    ...more,
    restored: false,
  });
}

function lookAt(
  files: readonly PatchFile[],
  tests: readonly PatchFile[],
  { job: { spec, profile }, command, log }: StrictOptions,
): { readonly guarded: readonly GuardedPath[]; readonly named: readonly string[] } {
  const named = [...spec.failToPass, ...spec.passToPass].map((id) => id.split('::', 1)[0]);
  const tested = tests.flatMap(({ oldPath, newPath }) => [oldPath, newPath]);
  const testFiles = new Set([...tested, ...named].filter((path) => path !== undefined));
  const guarded = guardedPaths(files, testFiles, spec.machinery);
  return {
    guarded,
    named: [
      ...guarded.map(({ path, guard }) => `${path}: ${guard}`),
      ...reaches(files, spec.machinery),
      ...logSigns(log, profile.prepareScript(spec.evalScript)),
      // Another program than git may have read the text in another way.
      ...(command.includes('git apply') ? [] : [`applied by ${command}`]),
    ],
  };
}

/** Changes in methods that decide what is equal; they need to name nothing to make everything equal. */
async function comparisons(
  files: readonly PatchFile[],
  { diffOf, context: { deadlines, clock, signal } }: StrictOptions,
): Promise<readonly string[]> {
  const paths = files.flatMap(({ oldPath }) => (oldPath?.endsWith('.py') === true ? [oldPath] : []));
  if (paths.length === 0) return [];
  const diff = await withDeadline({ phase: 'strict', seconds: deadlines.apply, clock, signal }, (bound) =>
    diffOf(paths, bound),
  );
  return diff === undefined ? ['git does not show what changed'] : changedComparisons(diff);
}

/** Whether the official script undoes what a patch does to a file, before the tests: what is new is left as the patch has it, and a link leads elsewhere. */
function isReset({ oldPath, newPath, mode }: PatchFile, reset: ReadonlySet<string>): boolean {
  return oldPath !== undefined && oldPath === newPath && mode === undefined && reset.has(oldPath);
}

function isInside(path: string): boolean {
  return !path.startsWith('/') && !path.split('/').includes('..');
}

/** What the run with inverted tests says against a patch, for people; undefined for nothing. */
function signOf(run: NonNullable<StrictVerdict['inverted']>): string | undefined {
  const { tests, passed, mutants = 0, mutantsPassed = 0, twins = 0, twinsPassed = 0, ended } = run;
  if (passed.length > 0)
    return `${passed.length} of ${tests} tests passed although each of their assertions was turned into its opposite: ${listed(passed, 3)}`;
  if (mutantsPassed > 0)
    return `${mutantsPassed} of ${mutants} copies of FAIL_TO_PASS tests passed although one of their assertions was turned into its opposite`;
  if (ended !== undefined)
    return `the tests did not end when their assertions were turned into their opposite: ${ended}`;
  if (twins > 0 && twinsPassed * 2 <= twins)
    return `beside inverted tests ${twinsPassed} of ${twins} unchanged FAIL_TO_PASS tests passed: the patch does not do the same twice`;
  return undefined;
}

/** The official grading with the guarded paths as they were. */
function restoredRun(options: StrictOptions, guarded: readonly GuardedPath[]): Promise<Judgement> {
  const { spec, profile } = options.job;
  const list = guarded.map(({ path }) => `${path}\0`).join('');
  return inContainer(options, async (container) => {
    const run = await testRun(container, options, {
      name: 'restored',
      evalScript: spec.evalScript,
      files: [{ path: '/tmp/guarded', content: list }],
      commands: [RESTORE],
    });
    return judge(run, spec, profile);
  });
}

/** What an instance's tests become: the same for all attempts. */
const INVERTED = new WeakMap<EvalSpec, InvertedTests | 'none'>();

async function invertedTests(
  container: Container,
  { job: { spec }, context: { deadlines, clock, signal } }: StrictOptions,
): Promise<InvertedTests | undefined> {
  const known = INVERTED.get(spec);
  if (known !== undefined) return known === 'none' ? undefined : known;
  const testPatch = testPatchOf(spec.evalScript);
  const base = resetCommitOf(spec.evalScript);
  const { workdir } = spec;
  const nonce = randomBytes(4).toString('hex');
  const made =
    testPatch === undefined
      ? undefined
      : await withDeadline({ phase: 'strict', seconds: deadlines.apply, clock, signal }, (bound) =>
          invertTests(container, { workdir, testPatch, base, wanted: spec.failToPass, nonce, signal: bound }),
        );
  const tests = made?.lines.map((line) => JSON.parse(line) as InvertedTest);
  const inverted =
    made === undefined || tests === undefined ? undefined : { tests, testPatch: made.testPatch };
  INVERTED.set(spec, inverted ?? 'none');
  return inverted;
}

/** The expected tests that could be inverted and what came of them; undefined where none could be. */
function invertedRun(options: StrictOptions): Promise<StrictVerdict['inverted']> {
  const { spec, profile } = options.job;
  if (INVERTED.get(spec) === 'none') return Promise.resolve(undefined);
  return inContainer(options, async (container) => {
    const made = await invertedTests(container, options);
    if (made === undefined) return undefined;
    const expected = invertedIds([...spec.failToPass, ...spec.passToPass], made.tests);
    if (expected.length === 0) return undefined;
    const evalScript = withTestPatch(spec.evalScript, made.testPatch);
    const run = await testRun(container, options, { name: 'inverted', evalScript, files: [], commands: [] });
    const seen = (ids: readonly string[]) =>
      profile.grade(run.log, { ...spec, failToPass: ids, passToPass: [] }).tests?.FAIL_TO_PASS.success ?? [];
    const twins = copyIds(spec.failToPass, made.tests, 'twins');
    const mutants = copyIds(spec.failToPass, made.tests, 'mutants');
    return {
      tests: expected.length,
      passed: [...seen(expected)],
      ...(mutants.length === 0 ? {} : { mutants: mutants.length, mutantsPassed: seen(mutants).length }),
      ...(twins.length === 0 ? {} : { twins: twins.length, twinsPassed: seen(twins).length }),
      ...(run.ended === 'exited' ? {} : { ended: run.ended }),
    };
  });
}

interface RunOptions {
  readonly name: FurtherRun;
  readonly evalScript: string;
  readonly files: readonly { readonly path: string; readonly content: string }[];
  /** Run in the patched tree before the script. */
  readonly commands: readonly string[];
}

/** How much longer than official tests inverted ones may take: there are more of them. */
const LONGER = 3;

/** Applies the patch as the official run did, and runs the tests once more. */
async function testRun(
  container: Container,
  { job, command, context }: StrictOptions,
  { name, evalScript, files, commands }: RunOptions,
): Promise<TestRun> {
  const { spec, prediction, profile } = job;
  const { deadlines, clock, signal } = context;
  await withDeadline({ phase: 'strict', seconds: deadlines.apply, clock, signal }, async (bound) => {
    const patch = { path: PATCH_FILE, content: prediction.patch ?? '' };
    const script = { path: EVAL_SCRIPT, content: profile.prepareScript(evalScript), mode: 0o755 };
    await container.put([...files, patch, script], bound);
    for (const text of [command, ...commands]) {
      const { exitCode } = await container.exec({
        argv: ['/bin/bash', '-c', text],
        workdir: spec.workdir,
        signal: bound,
        onOutput: () => {},
      });
      if (exitCode !== 0)
        throw new AssayError('engine_failed', `\`${text}\` worked in one container, and not in another`);
    }
  });
  const sink = context.logOf(name);
  const seconds = deadlines.test * (name === 'inverted' ? LONGER : 1);
  const to = { workdir: spec.workdir, sink, seconds, clock, signal };
  const run = await runTests(container, to).finally(() => sink.end());
  await assertSpace(container, run, signal);
  return run;
}

async function inContainer<T>(
  { container: like, context }: StrictOptions,
  use: (container: Container) => Promise<T>,
): Promise<T> {
  const { engine, clock, signal, deadlines } = context;
  let starting: Promise<Container> | undefined;
  try {
    const container = await withDeadline(
      { phase: 'strict', seconds: deadlines.start, clock, signal },
      (bound) => {
        starting = engine.containers.start(like, bound);
        return starting;
      },
    );
    return await use(container);
  } finally {
    if (starting !== undefined) context.discard(starting);
  }
}
