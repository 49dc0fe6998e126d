import { AssayError } from '../errors.js';
import { type ImagePlan, type PlanFacts, planImages } from '../image/plan.js';
import { storedImages } from '../image/usage.js';
import { imageUses } from '../image/usage-state.js';
import type { EvalSpec } from '../model/eval-spec.js';
import { listed, showBytes } from '../util/words.js';
import { type BuildFlags, buildContext } from './builder.js';
import { connectEngine } from './engines.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { chosenSpecs, interruptFor, type RowArgs, table } from './images-shared.js';

type PlanArgs = RowArgs & Pick<BuildFlags, 'base'>;

/** `assay images plan`: what building or pulling would come to; needs no engine. */
export async function planCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as PlanArgs;
  const specs = await chosenSpecs(args, host);
  const facts = await askEngine(specs, args, host);
  const plan = planImages(specs, facts);
  host.out(args.json ? JSON.stringify(plan) : render(plan));
  return EXIT.done;
}

/** What the engine knows; undefined, with a line that says so, when none answers. */
async function askEngine(
  specs: readonly EvalSpec[],
  flags: Pick<BuildFlags, 'base'>,
  host: Host,
): Promise<PlanFacts | undefined> {
  const { engine } = await connectEngine('docker', host);
  const interrupt = interruptFor(host);
  const signal = interrupt.drain;
  try {
    await engine.info();
    const names = new Set((await engine.images.list({})).map(({ ref }) => ref));
    const uses = await imageUses({ cacheDir: host.cacheDir, owner: host.self }).read();
    const stored = await storedImages({ engine: engine.images, uses, published: [], signal });
    const { base } = await buildContext(flags, host, { engine, signal, onLog: host.err });
    const present = new Set<string | undefined>();
    for (const python of new Set(specs.map(({ recipe }) => recipe?.environment.python))) {
      if (await base(python, signal).then(() => true, isMissing)) present.add(python);
    }
    return { names, stored, hasBase: (python) => present.has(python) };
  } catch (error) {
    if (!(error instanceof AssayError && error.code === 'engine_unavailable')) throw error;
    host.err(`no engine answers, so sizes and what is there are left out: ${error.message}`);
    return undefined;
  } finally {
    interrupt.release();
    await engine.close();
  }
}

function isMissing(error: unknown): false {
  if (error instanceof AssayError && (error.code === 'image_missing' || error.code === 'usage')) return false;
  throw error;
}

const HEAD = [
  'ENVIRONMENT',
  'REPOSITORY',
  'PYTHON',
  'PACKAGES',
  'INSTANCES',
  'BUILT',
  'STATE',
  'LAYERS',
  'INSTANCE LAYERS',
];

function render(plan: ImagePlan): string {
  const { environments, withoutRecipe, missingPublished, disk } = plan;
  const size = (bytes: number | undefined) => (bytes === undefined ? '-' : showBytes(bytes));
  const rows = environments.map((entry) => [
    entry.key.slice(0, 16),
    entry.repos.join(' '),
    entry.python ?? '-',
    String(entry.packages),
    String(entry.instances.length),
    entry.state === undefined ? '-' : String(entry.built),
    entry.state ?? '-',
    size(entry.environmentBytes),
    size(entry.instanceBytes),
  ]);
  const lines = [
    `${plan.instances} instances, ${environments.length} environments, ${plan.repositories.length} repositories`,
  ];
  if (rows.length > 0) lines.push('', table(HEAD, rows));
  if (disk !== undefined)
    lines.push(
      '',
      `${disk.images} instance images are there: ${showBytes(disk.uniqueBytes)} with each layer once, ${showBytes(disk.separateBytes)} if each were whole; ${showBytes(disk.separateBytes - disk.uniqueBytes)} are shared`,
    );
  if (missingPublished !== undefined && missingPublished.length > 0)
    lines.push(
      '',
      `${missingPublished.length} published images are not here: ${listed(missingPublished, 5)}`,
    );
  if (withoutRecipe.length > 0)
    lines.push(
      '',
      `${withoutRecipe.length} instances can't be built:`,
      ...withoutRecipe.map(({ instanceId, reason }) => `  ${instanceId}: ${reason}`),
    );
  return lines.join('\n');
}
