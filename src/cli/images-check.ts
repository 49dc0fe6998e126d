import { toAssayError } from '../errors.js';
import { checkImage, type ImageCheck, mirrorHolds } from '../image/check.js';
import { checkInside } from '../image/check-deep.js';
import type { EvalSpec } from '../model/eval-spec.js';
import { mapLimit } from '../util/pool.js';
import { connectEngine, orphanLabels } from './engines.js';
import { describeError, EXIT, usage } from './exit.js';
import { checkCount } from './flags.js';
import type { Host } from './host.js';
import { interruptFor, type RowArgs } from './images-shared.js';
import { loadInstances, specsOf } from './inputs.js';

type CheckArgs = RowArgs & { readonly deep: boolean; readonly jobs: number };

/** What was found of one instance; `findings` with `--deep` alone. */
type Checked = ImageCheck & { readonly findings?: readonly string[] };

/** `assay images check`: are all images there, and are those that we built what the recipes ask for? */
export async function checkCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as CheckArgs;
  checkCount(args.jobs, 'jobs', 1);
  const { instances } = await loadInstances(args, host);
  if (instances.length === 0) throw usage('no instance is left after the selection flags');
  const specs = specsOf(instances);
  const { engine } = await connectEngine('docker', host);
  const interrupt = interruptFor(host);
  const signal = interrupt.kill;
  const { cacheDir } = host;
  const look = async (spec: EvalSpec, patches: readonly string[]): Promise<Checked> => {
    const found = await checkImage(spec, {
      engine: engine.images,
      hasCommit: (repo, commit) => mirrorHolds({ cacheDir, repo, commit, signal }),
      signal,
    });
    if (!args.deep || found.image === undefined) return found;
    const source = spec.recipe?.source;
    const findings = await checkInside({
      containers: engine.containers,
      image: found.image,
      workdir: spec.workdir,
      ...(source?.kind === 'git' ? { commit: source.commit } : {}),
      byteCode: found.state !== 'published',
      patches,
      name: `assay.check.${spec.instanceId.toLowerCase()}`,
      labels: orphanLabels('check', host),
      signal,
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      return [describeError(toAssayError(error))];
    });
    return { ...found, findings };
  };
  try {
    await engine.info();
    const counts = new Map<string, number>();
    let bad = 0;
    await mapLimit(instances, args.jobs, async ({ instanceId, patch, testPatch }) => {
      if (interrupt.drain.aborted) return;
      const checked = await look(specs.get(instanceId) as EvalSpec, [patch, testPatch]);
      const isGood =
        (checked.state === 'built' || checked.state === 'published') && !checked.findings?.length;
      if (!isGood) bad++;
      counts.set(checked.state, (counts.get(checked.state) ?? 0) + 1);
      if (args.json) host.out(JSON.stringify(checked));
      else if (!isGood || args.deep) host.out(line(checked));
    });
    if (interrupt.drain.aborted) return EXIT.interrupted;
    const summary = [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
    const say = args.json ? host.err : host.out;
    say(
      `${instances.length} images: ${summary}${bad === 0 ? '' : `; ${bad} not ready (\`assay images build\` or \`pull\`)`}`,
    );
    return bad === 0 ? EXIT.done : EXIT.environment;
  } finally {
    interrupt.release();
    await engine.close();
  }
}

function line({ instanceId, state, image, why, findings }: Checked): string {
  const first = [instanceId, state, image, why].filter((part) => part !== undefined).join('  ');
  if (findings === undefined) return first;
  return findings.length === 0
    ? `${first}  clean inside`
    : [first, ...findings.map((text) => `  ${text}`)].join('\n');
}
