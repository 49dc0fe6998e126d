import { resolve } from 'node:path';
import { type ExportInstance, exportImages } from '../image/export.js';
import type { ExportIndex } from '../image/export-index.js';
import { importFiles, importInstance, withExport } from '../image/import.js';
import type { EvalSpec } from '../model/eval-spec.js';
import { mapLimit } from '../util/pool.js';
import { showBytes } from '../util/words.js';
import { type BuildFlags, buildContext } from './builder.js';
import { connectEngine } from './engines.js';
import { describeError, EXIT, usage } from './exit.js';
import { checkCount } from './flags.js';
import type { Host } from './host.js';
import { chosenSpecs, type RowArgs, table } from './images-shared.js';
import { listenForInterrupt } from './interrupt.js';

type ExportArgs = RowArgs &
  Pick<BuildFlags, 'base' | 'mirror' | 'locks'> &
  Readonly<{ output: string; overwrite: boolean }>;

/** `assay images export`: what the images of the chosen instances are made from, in a folder for another host. */
export async function exportCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ExportArgs;
  const { base, mirror, locks, overwrite, dataset } = args;
  const instances = (await chosenSpecs(args, host)).map(toExport);
  const folder = resolve(host.cwd, args.output);
  const { engine } = await connectEngine('docker', host);
  const interrupt = listenForInterrupt(host);
  try {
    await engine.info();
    const flags: BuildFlags = {
      ...(base === undefined ? {} : { base }),
      ...(mirror === undefined ? {} : { mirror }),
      ...(locks === undefined ? {} : { locks }),
    };
    const context = await buildContext(flags, host, { engine, signal: interrupt.drain, onLog: host.err });
    const howToBuild = (ids: readonly string[]) =>
      [
        'assay images build',
        dataset,
        ...ids.map((id) => `-i ${id}`),
        ...(base ?? []).map((ref) => `--base ${ref}`),
      ].join(' ');
    const { index, isNew } = await exportImages({ context, instances, folder, overwrite, howToBuild });
    if (!isNew) host.err(`${folder} has a complete export of these instances; --overwrite makes it anew`);
    host.out(args.json ? JSON.stringify({ folder, isNew, ...summaryOf(index) }) : render(index));
    return EXIT.done;
  } catch (error) {
    if (interrupt.drain.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    interrupt.release();
    await engine.close();
  }
}

function toExport({ instanceId, recipe, noRecipe }: EvalSpec): ExportInstance {
  if (recipe === undefined)
    throw usage(`${instanceId} has no recipe: ${noRecipe ?? 'its image is only pulled'}`);
  const { source } = recipe;
  if (source.kind !== 'git') throw usage(`${instanceId} comes with assay: there is nothing to export`);
  return { instanceId, recipe: { ...recipe, source } };
}

function summaryOf({ files, instances }: ExportIndex) {
  const sizeOf = (prefix: string) =>
    files.filter(({ name }) => name.startsWith(prefix)).reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    instances: instances.length,
    bytes: sizeOf(''),
    imageBytes: sizeOf('images.'),
    repositoryBytes: sizeOf('repositories/'),
    wheelBytes: sizeOf('wheels/'),
    files,
  };
}

function render(index: ExportIndex): string {
  const { instances, bytes } = summaryOf(index);
  const rows = index.files.map(({ name, bytes: size }) => [name, showBytes(size)]);
  return `${table(['file', 'size'], rows)}\n${instances} instances, ${showBytes(bytes)}`;
}

type ImportArgs = Readonly<{ folder: string; build: boolean; jobs?: number; json: boolean }>;

/** `assay images import`: the images of an export, made here again and compared with those that were exported. */
export async function importCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ImportArgs;
  checkCount(args.jobs, 'jobs', 1);
  const folder = resolve(host.cwd, args.folder);
  const { engine } = await connectEngine('docker', host);
  const interrupt = listenForInterrupt(host);
  const { drain, kill } = interrupt;
  try {
    await engine.info();
    // Loading and copying end at the first Ctrl-C, builds at the second.
    const loading = await buildContext({}, host, { engine, signal: drain, onLog: host.err });
    const index = await importFiles({ context: loading, folder });
    if (!args.build) {
      host.out(
        args.json
          ? JSON.stringify({ folder, images: index.images })
          : `${index.images.length} base and environment images are here`,
      );
      return EXIT.done;
    }
    const context = { ...loading, signal: kill };
    const equal = await withExport({ context, folder }, index, (building) =>
      buildAll({ index, jobs: args.jobs ?? 2, json: args.json, drain, kill, host }, (instance) =>
        importInstance(building, instance),
      ),
    );
    const total = index.instances.length;
    host.err(`${equal} of ${total} images are those that were exported`);
    if (drain.aborted) return EXIT.interrupted;
    return equal === total ? EXIT.done : EXIT.infraLeft;
  } catch (error) {
    if (drain.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    interrupt.release();
    await engine.close();
  }
}

interface BuildAllOptions {
  readonly index: ExportIndex;
  readonly jobs: number;
  readonly json: boolean;
  readonly drain: AbortSignal;
  readonly kill: AbortSignal;
  readonly host: Host;
}

/** Builds every instance, prints a line for each, and counts the images that are equal; a failed one doesn't stop the rest. */
async function buildAll(
  { index, jobs, json, drain, kill, host }: BuildAllOptions,
  build: (instance: ExportIndex['instances'][number]) => ReturnType<typeof importInstance>,
): Promise<number> {
  let equal = 0;
  await mapLimit(index.instances, jobs, async (instance) => {
    if (drain.aborted) return;
    try {
      const made = await build(instance);
      const { instanceId, ref, id, difference } = made;
      if (difference === undefined) equal++;
      host.out(json ? JSON.stringify(made) : `${instanceId}  ${ref}  ${id}  ${difference ?? 'equal'}`);
    } catch (error) {
      if (!kill.aborted) host.err(`${instance.instanceId}: ${describeError(error)}`);
    }
  });
  return equal;
}
