import { applyPatch, PATCH_FILE } from './container/apply.js';
import { type Deadlines, withDeadline } from './container/deadline.js';
import { granted, grantedLimits } from './container/limits.js';
import { assertSpace, EVAL_SCRIPT, type LogSink, runTests } from './container/test-log.js';
import { wholeDiff } from './container/whole-diff.js';
import type {
  Container,
  ContainerSpec,
  Engine,
  EngineInfo,
  ImageInfo,
  SandboxLimits,
} from './engine/engine.js';
import { toAssayError } from './errors.js';
import { doesNotApply, infraError, unusablePatch } from './grade/unscored.js';
import { type Judgement, judge } from './grade/verdict.js';
import { pythonOf } from './image/python-labels.js';
import type { EvalSpec } from './model/eval-spec.js';
import type { GradingProfile } from './model/grading.js';
import type { Prediction } from './model/prediction.js';
import type { Phase, Verdict } from './model/verdict.js';
import { type FurtherRun, strictVerdict } from './strict-instance.js';
import type { Clock } from './util/clock.js';
import { canonicalJson, sha256 } from './util/hash.js';

/** Stands in a verdict for the command that applied the patch when the tree was left untouched. */
const NO_PATCH = 'no patch';

/** What a verdict answers, whatever the patch. */
export type Question = Pick<Verdict, 'instanceId' | 'rowHash' | 'imageDigest' | 'profile' | 'graderVersion'>;

/** One patch to be judged. */
export interface Job {
  readonly spec: EvalSpec;
  readonly prediction: Prediction;
  readonly profile: GradingProfile;
}

/** The step of eval scripts that installs the tree once more, which changes nothing for some patches. */
export interface Reinstall {
  /** The job's spec without that step, where it was proven that it may be left out; undefined: it may not. */
  skip(job: Job, image: ImageInfo): Promise<EvalSpec | undefined>;
  /** For a container that waits for such a job, or for any patch of an instance if the job's is null: what makes it ready. */
  makeReady(
    job: Job,
    image: ImageInfo,
  ): Promise<((container: Container, signal: AbortSignal) => Promise<void>) | undefined>;
}

/** What judging needs from outside; the same for all jobs of a run but for `log` and `onPhase`. */
export interface RunInstanceContext {
  readonly engine: Engine;
  readonly engineInfo: EngineInfo;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly limits: SandboxLimits;
  /** False: not even an instance that needs the network gets it. */
  readonly mayUseNetwork: boolean;
  /** Labels of every container; `assay.run` is among them. */
  readonly labels: Readonly<Record<string, string>>;
  /** Finds, pulls or makes the image; called within the pull deadline. */
  readonly resolveImage: (spec: EvalSpec, signal: AbortSignal) => Promise<ImageInfo>;
  /** Called with a container whose removal nobody needs to wait for, or with a start that was given up and may still succeed. */
  readonly discard: (container: Container | Promise<Container>) => void;
  readonly log: LogSink;
  /** Logs of the further runs of a strict verdict; absent: none is asked for. */
  readonly strictLog?: (run: FurtherRun) => LogSink;
  readonly onPhase: (phase: Phase) => void;
  /** What is known of an instance in its image, for the notes of a verdict: e.g. that it is flaky. */
  readonly notesOn?: (question: Question) => readonly string[];
  /** Absent: official scripts run whole. */
  readonly reinstall?: Reinstall;
  /** Aborted when the run is killed: the returned promise then rejects with its reason. */
  readonly signal: AbortSignal;
}

/**
 * THE central path: image -> container -> patch -> test log -> verdict. Faults of the patch and of the machine both come back as
 * verdicts (`invalid`, `unresolved`, `infra_error`); it rejects only when the run itself was aborted.
 */
export async function runInstance(job: Job, context: RunInstanceContext): Promise<Verdict> {
  const { prediction, profile } = job;
  const { clock, deadlines, signal, engine } = context;
  let { spec } = job;
  let isSkipped = false;
  const seconds: Partial<Record<Phase, number>> = {};
  const limits = grantedLimits(spec.needs, context);
  let image: ImageInfo | undefined;
  let container: Container | undefined;
  let phase: Phase = 'prepare';

  const timed = async <T>(next: Phase, work: () => Promise<T>): Promise<T> => {
    phase = next;
    context.onPhase(next);
    const from = clock.now();
    try {
      return await work();
    } finally {
      seconds[next] = (seconds[next] ?? 0) + (clock.now() - from) / 1000;
    }
  };
  const bounded = <T>(
    next: keyof Deadlines,
    work: (signal: AbortSignal) => Promise<T>,
    outer = signal,
  ): Promise<T> =>
    timed(next, () => withDeadline({ phase: next, seconds: deadlines[next], clock, signal: outer }, work));
  const finish = (judgement: Judgement, extra: Partial<Verdict> = {}): Verdict => ({
    ...identity(job, image, isSkipped),
    ...judgement,
    notes: [...prediction.notes, ...(context.notesOn?.(identity(job, image)) ?? [])],
    engine: engine.name,
    isolation: context.engineInfo.isolation,
    granted: granted(limits, context.limits),
    seconds,
    tries: 1,
    finishedAt: clock.iso(),
    ...extra,
  });

  const unusable = unusablePatch(prediction);
  if (unusable !== undefined) return finish(unusable);

  try {
    const found = await bounded('pull', (bound) => context.resolveImage(spec, bound));
    image = found;
    const short = await context.reinstall?.skip(job, found);
    isSkipped = short !== undefined;
    spec = short ?? spec;
    const like = () => containerSpec(job, found.ref, context, isSkipped);
    const start = async (outer: AbortSignal) => {
      let starting: Promise<Container> | undefined;
      const prepared = async (bound: AbortSignal) => {
        starting = engine.containers.start(like(), bound);
        const started = await starting;
        await started.put(
          [
            { path: PATCH_FILE, content: prediction.patch ?? '' },
            { path: EVAL_SCRIPT, content: profile.prepareScript(spec.evalScript), mode: 0o755 },
          ],
          bound,
        );
        return started;
      };
      try {
        return await bounded('start', prepared, outer);
      } catch (error) {
        if (starting !== undefined) context.discard(starting);
        throw error;
      }
    };
    container = await start(signal);
    const applied =
      prediction.untouched === true
        ? { container, command: NO_PATCH, evidence: '' }
        : await bounded('apply', (bound) =>
            applyPatch(container as Container, {
              profile,
              workdir: spec.workdir,
              signal: bound,
              fresh: async (used) => {
                // What another command makes of the text isn't what was looked at.
                isSkipped = false;
                spec = job.spec;
                context.discard(used);
                container = undefined;
                container = await start(bound);
                return container;
              },
            }),
          );
    if (applied.command === undefined) return finish(doesNotApply(applied.evidence));
    const { workdir } = spec;
    const run = { workdir, sink: context.log, seconds: deadlines.test, clock, signal };
    const tests = await timed('test', () => runTests(applied.container, run));
    await bounded('collect', () => context.log.end());
    const judgement = await timed('grade', async () => judge(tests, spec, profile));
    if (judgement.outcome !== 'resolved') await assertSpace(applied.container, tests, signal);
    const { command } = applied;
    const more = { appliedWith: command, exitCode: tests.exitCode };
    const { strictLog: logOf } = context;
    if (logOf === undefined || prediction.untouched === true) return finish(judgement, more);
    const strict = await timed('strict', () =>
      strictVerdict({
        ...{ job: { ...job, spec }, command, judgement, log: tests.log },
        container: like(),
        diffOf: (paths, bound) => wholeDiff(applied.container, { workdir, paths, signal: bound }),
        context: { ...context, logOf },
      }),
    );
    return finish(judgement, { ...more, strict });
  } catch (error) {
    signal.throwIfAborted();
    return finish(infraError(toAssayError(error, phase), phase));
  } finally {
    if (container !== undefined) context.discard(container);
  }
}

/** What a verdict says of its question. */
export function identity(
  { spec, prediction, profile }: Job,
  image: ImageInfo | undefined,
  isSkipped = false,
) {
  const inputs = {
    patchSha256: sha256(prediction.patch ?? ''),
    rowHash: spec.rowHash,
    ...(image === undefined ? {} : { imageDigest: image.digest }),
    profile: profile.name,
    graderVersion: profile.graderVersion,
    ...(isSkipped ? { reinstall: 'skipped' as const } : {}),
  };
  return {
    schemaVersion: 1 as const,
    instanceId: spec.instanceId,
    attempt: prediction.attempt,
    model: prediction.model,
    ...inputs,
    key: verdictKey(inputs),
    ...(image === undefined ? {} : { image: image.ref, ...pythonOf(image.labels) }),
  };
}

type KeyInputs = Pick<
  Verdict,
  'patchSha256' | 'rowHash' | 'imageDigest' | 'profile' | 'graderVersion' | 'reinstall'
>;

/** sha256 of all that decides a verdict: patch, row, image digest, profile, grader version, and the step of the script that was left out. */
export function verdictKey(inputs: KeyInputs): string {
  const { patchSha256, rowHash, imageDigest, profile, graderVersion, reinstall } = inputs;
  return sha256(canonicalJson({ patchSha256, rowHash, imageDigest, profile, graderVersion, reinstall }));
}

type SandboxContext = Pick<RunInstanceContext, 'labels' | 'limits' | 'mayUseNetwork'>;

/** The label of containers that may be made ready for a script without its re-install, and its value. */
export const SKIPPED = { 'assay.reinstall': 'skipped' } as const;

/** The container of a job; its name tells jobs of a run apart. */
export function containerSpec(
  job: Job,
  image: string,
  context: SandboxContext,
  isSkipped = false,
): ContainerSpec {
  const { spec, prediction } = job;
  return {
    image,
    name: `assay.${spec.instanceId.toLowerCase()}.${prediction.attempt}`,
    labels: {
      ...context.labels,
      'assay.instance': spec.instanceId,
      'assay.attempt': String(prediction.attempt),
      ...(isSkipped ? SKIPPED : {}),
    },
    limits: grantedLimits(spec.needs, context),
  };
}
