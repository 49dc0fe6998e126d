import type { Instance } from '../model/instance.js';
import { EXIT, usage } from './exit.js';
import type { DatasetFlags, SelectionFlags } from './flags.js';
import type { Host } from './host.js';
import { loadInstances, specsOf } from './inputs.js';

type RawArgs = Readonly<Record<string, unknown>>;
type DatasetArgs = Readonly<{ dataset: string; json: boolean } & Partial<DatasetFlags & SelectionFlags>>;

/** `assay dataset list`: the ids of the chosen instances. */
export async function listInstances(raw: RawArgs, host: Host): Promise<number> {
  const args = raw as unknown as DatasetArgs;
  const { instances } = await loadInstances(args, host);
  for (const instance of instances)
    host.out(args.json ? JSON.stringify(summaryOf(instance)) : instance.instanceId);
  return EXIT.done;
}

/** `assay dataset show`: all of an instance. */
export async function showInstances(raw: RawArgs, host: Host): Promise<number> {
  const args = raw as unknown as DatasetArgs;
  const { instances } = await loadInstances(args, host);
  if (args.id === undefined) throw usage('dataset show needs -i ID');
  for (const instance of instances) host.out(args.json ? JSON.stringify(instance) : describe(instance));
  return EXIT.done;
}

/** `assay dataset check`: can every row be evaluated? */
export async function checkDataset(raw: RawArgs, host: Host): Promise<number> {
  const args = raw as unknown as DatasetArgs;
  const { instances, name, revision, sha256 } = await loadInstances(args, host);
  const specs = specsOf(instances);
  const report = { dataset: name, revision, sha256, instances: instances.length, evaluable: specs.size };
  host.out(
    args.json
      ? JSON.stringify(report)
      : `${name} (revision ${revision}, sha256 ${sha256}): all ${instances.length} rows are valid`,
  );
  return EXIT.done;
}

function summaryOf({ instanceId, repo, version, createdAt, difficulty, split }: Instance) {
  return { instanceId, repo, version, createdAt, difficulty, split };
}

function describe(instance: Instance): string {
  const facts = Object.entries({
    ...summaryOf(instance),
    baseCommit: instance.baseCommit,
    logParser: instance.logParser,
    image: instance.image,
    FAIL_TO_PASS: `${instance.failToPass.length} tests`,
    PASS_TO_PASS: `${instance.passToPass.length} tests`,
  }).filter(([, value]) => value !== undefined);
  return [...facts.map(([name, value]) => `${name.padEnd(14)}${value}`), '', instance.problemStatement].join(
    '\n',
  );
}
