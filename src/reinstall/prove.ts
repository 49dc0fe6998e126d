import { Readable } from 'node:stream';
import { withDeadline } from '../container/deadline.js';
import type { Engine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { Prediction } from '../model/prediction.js';
import type { Found, ReinstallProof } from '../model/reinstall.js';
import type { Verdict } from '../model/verdict.js';
import { type Job, type RunInstanceContext, runInstance } from '../run-instance.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { byteCodeOf, NO_LOG, type ObserveContext, watchStep } from './observe.js';
import type { Proofs } from './proofs.js';
import { faultOf, reinstallOf } from './rule.js';
import { readyMaker, withoutStep } from './skip.js';

interface ProveOptions {
  /** The instance with its gold patch. */
  readonly gold: Job;
  readonly proofs: Proofs;
  readonly context: ObserveContext;
  /** Find again what is known. */
  readonly refresh: boolean;
}

/**
 * What is known of leaving out an instance's re-install, found where it isn't known: which files the step opens, and whether gold patch and
 * untouched tree get the same verdicts and lists of tests without it. Undefined where the script has no such step. Rejects for the machine's faults.
 */
export async function prove(options: ProveOptions): Promise<ReinstallProof | undefined> {
  const { gold, proofs, context, refresh } = options;
  const { spec, profile } = gold;
  const { clock, deadlines, signal, engine } = context;
  const command = reinstallOf(spec.evalScript);
  if (command === undefined) return undefined;
  const image = await withDeadline({ phase: 'pull', seconds: deadlines.pull, clock, signal }, (bound) =>
    context.resolveImage(spec, bound),
  );
  const key = proofs.keyOf({ spec, profile, imageDigest: image.digest });
  const known = refresh ? undefined : await proofs.find(key);
  if (known !== undefined) return known;
  const observed = { job: gold, image, context };
  const { exitCode, opened } = await watchStep(command, observed);
  const barred = exitCode === 0 ? faultOf(opened) : `the re-install itself ends with ${exitCode}`;
  // Without file systems of their own containers share the machine's byte code already.
  const byteCode = barred === undefined && engine.name === 'docker' ? await byteCodeOf(observed) : undefined;
  const runs = barred === undefined ? await compare(gold, byteCode, context) : [];
  const fault = barred ?? differenceIn(runs);
  const proof: ReinstallProof = {
    schemaVersion: 1,
    ...{ key, instanceId: spec.instanceId, imageDigest: image.digest },
    scriptSha256: sha256(profile.prepareScript(spec.evalScript)),
    ...{ command, opened, runs },
    ...(fault === undefined ? {} : { fault }),
    date: clock.iso(),
  };
  await proofs.keep(proof, fault === undefined ? byteCode : undefined);
  return proof;
}

/** Gold patch and untouched tree with the step and without. */
async function compare(
  gold: Job,
  byteCode: Buffer | undefined,
  context: ObserveContext,
): Promise<ReinstallProof['runs']> {
  const ready = readyMaker(gold.spec, () => (byteCode === undefined ? undefined : Readable.from(byteCode)));
  const without = {
    ...context,
    engine: startingReady(context.engine, ready),
    reinstall: { skip: async () => withoutStep(gold.spec), makeReady: async () => undefined },
  };
  const runs: ReinstallProof['runs'] = [];
  for (const [patch, job] of [
    ['gold', gold],
    ['empty', { ...gold, prediction: untouched(gold.prediction) }],
  ] as const)
    runs.push({ patch, always: await found(job, context), skipped: await found(job, without) });
  return runs;
}

function untouched(gold: Prediction): Prediction {
  return { ...gold, patch: null, untouched: true };
}

async function found(
  job: Job,
  context: ObserveContext & Pick<RunInstanceContext, 'reinstall'>,
): Promise<Found> {
  const verdict = await runInstance(job, { ...context, log: NO_LOG, onPhase: () => {} });
  if (verdict.outcome !== 'infra_error') return foundIn(verdict);
  const { reason, detail = 'no detail' } = verdict;
  throw new AssayError('engine_failed', `${job.spec.instanceId}: ${reason}: ${detail}`);
}

function foundIn({ outcome, reason, exitCode = null, tests }: Verdict): Found {
  const lists = [tests?.FAIL_TO_PASS, tests?.PASS_TO_PASS].flatMap((one) => [
    [...(one?.success ?? [])].sort(),
    [...(one?.failure ?? [])].sort(),
  ]);
  return {
    ...{ outcome, reason, exitCode },
    tests: lists.flat().length,
    testsSha256: sha256(canonicalJson(lists)),
  };
}

/** Why the runs show nothing, or what differs; undefined where they are the same and as they should be. */
function differenceIn(runs: ReinstallProof['runs']): string | undefined {
  for (const { patch, always, skipped } of runs) {
    const [one, other] = [always, skipped].map(({ outcome, reason }) => `${outcome} (${reason})`);
    if (canonicalJson(always) !== canonicalJson(skipped))
      return `${patch}: ${one} with it, ${other} without${always.testsSha256 === skipped.testsSha256 ? '' : ', and other lists of tests'}`;
    const expected = patch === 'gold' ? 'resolved' : 'unresolved';
    if (always.outcome !== expected) return `${patch}: ${one}, where ${expected} was expected`;
  }
  return undefined;
}

function startingReady(engine: Engine, ready: ReturnType<typeof readyMaker>): Engine {
  const { containers } = engine;
  return {
    ...engine,
    containers: {
      ...containers,
      async start(spec, signal) {
        const container = await containers.start(spec, signal);
        try {
          await ready(container, signal);
          return container;
        } catch (error) {
          await container.destroy();
          throw error;
        }
      },
    },
  };
}
