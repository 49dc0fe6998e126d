import { join, relative } from 'node:path';
import { renderValidation } from '../../reports/index.js';
import { withDeadline } from '../container/deadline.js';
import { AssayError } from '../errors.js';
import type { Validation } from '../model/validation.js';
import { FILES, readVerdicts } from '../run/folder.js';
import { keepValidation, readValidations, validate } from '../run/validate.js';
import { writeAtomic } from '../util/files.js';
import { inShard } from '../util/shard.js';
import { connectForInstances } from './connect.js';
import { deadlinesOf } from './context.js';
import { execute } from './eval.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { listenForInterrupt } from './interrupt.js';
import { type Plan, prepare } from './plan.js';
import type { EvalArgs } from './run-flags.js';

type ValidateArgs = Omit<EvalArgs, 'predictions' | 'gold' | 'empty' | 'model' | 'fail-under' | 'dry-run'>;

/** What waits for another process that writes to the cache, in milliseconds. */
const LOCK_WAIT_MS = 30_000;

/** `assay validate`: does the gold patch resolve each instance, and the untouched tree not, each time? */
export async function validateCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  // Here --refresh is of the evaluations, not of the dataset's revision.
  const { refresh = false, ...args } = raw as ValidateArgs;
  const plan = await prepare(args, ['gold', 'empty'], host);
  const { settings } = plan.manifest;
  const onWarning = (message: string) => host.err(`warning: ${message}`);
  const now = host.clock.iso();
  const { cacheDir } = host;
  const known = await readValidations(cacheDir, settings.datasetSha256, onWarning);
  const held = await readVerdicts(plan.folder);
  const found = new Set([...known, ...held].map(({ instanceId }) => instanceId));
  const { entries, reused } = await validate({
    ...plan,
    instances: inShard(plan.instances, args.shard),
    refresh,
    known,
    held,
    digests: refresh ? new Map() : await currentDigests(plan, found, args, host),
    evaluate: (jobs, again) => execute({ ...plan, jobs }, args, host, again),
    now,
  });
  const validation: Validation = {
    schemaVersion: 1,
    dataset: settings.dataset,
    datasetRevision: settings.datasetRevision,
    datasetSha256: settings.datasetSha256,
    date: host.clock.iso(),
    entries: [...entries],
  };
  const file = join(plan.folder, FILES.validation);
  await writeAtomic(file, `${JSON.stringify(validation, null, 2)}\n`);
  const signal = AbortSignal.timeout(LOCK_WAIT_MS);
  await keepValidation(validation, { cacheDir, owner: host.self, signal, onWarning });
  if (args.json === true) host.out(JSON.stringify({ type: 'validation', reused, file, validation }));
  else {
    host.out(renderValidation(validation));
    const known = `${reused} of ${entries.length} known from earlier`;
    host.out(`\n${known}${reused > 0 ? ' (--refresh evaluates them again)' : ''}`);
    host.out(`Validation: ${relative(host.cwd, file)}`);
  }
  if (entries.some((entry) => entry.class === 'infra')) return EXIT.infraLeft;
  return entries.every((entry) => entry.class === 'valid') ? EXIT.done : EXIT.belowThreshold;
}

/** Digests of the images that these instances have now; an image that can't be had is left to the evaluation to complain about. */
async function currentDigests(
  { jobs, engineName }: Plan,
  instanceIds: ReadonlySet<string>,
  args: ValidateArgs,
  host: Host,
): Promise<ReadonlyMap<string, string>> {
  const specs = new Map(jobs.map(({ spec }) => [spec.instanceId, spec]));
  const digests = new Map<string, string>();
  const { drain: signal, release } = listenForInterrupt(host);
  const pullSeconds = deadlinesOf(args).pull;
  const { engine, resolveImage } = await connectForInstances(args, {
    engineName,
    host,
    pullSeconds,
    onLog: host.err,
    signal,
  });
  try {
    for (const spec of specs.values()) {
      if (!instanceIds.has(spec.instanceId)) continue;
      const deadline = { phase: 'pull', seconds: pullSeconds, clock: host.clock, signal } as const;
      const image = await withDeadline(deadline, (bound) => resolveImage(spec, bound)).catch(() => undefined);
      if (signal.aborted) throw new AssayError('interrupted', 'the validation was interrupted');
      if (image !== undefined) digests.set(spec.instanceId, image.digest);
    }
    return digests;
  } finally {
    release();
    await engine.close();
  }
}
