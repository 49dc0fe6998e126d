import { resolve } from 'node:path';
import { applyRecipe, type Candidate, type Filtered, type Recipe } from '../dataset/recipe.js';
import { plainRow, rowLine } from '../dataset/row.js';
import type { Instance } from '../model/instance.js';
import type { Validation } from '../model/validation.js';
import { readValidation } from '../run/folder.js';
import { writeAtomic } from '../util/files.js';
import { EXIT, usage } from './exit.js';
import type { DatasetFlags, SelectionFlags } from './flags.js';
import type { Host } from './host.js';
import { table } from './images-shared.js';
import { loadInstances } from './inputs.js';
import { recipeNamed } from './registry.js';

type FilterArgs = Readonly<{
  dataset: string;
  recipe: string;
  output: string;
  validation?: string;
  json: boolean;
}> &
  Partial<DatasetFlags & SelectionFlags>;

/** By instance id; the line as in `LoadedDataset`. */
type RowOf = ReadonlyMap<string, { readonly row: unknown; readonly line: Uint8Array | undefined }>;

/** `assay dataset filter`: the chosen rows that a recipe keeps, as they stand, and which rule dropped each of the others. */
export async function filterDataset(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as FilterArgs;
  const recipe = recipeNamed(args.recipe);
  const droppedOutput = droppedFile(args, host);
  const validation =
    args.validation === undefined ? undefined : await readValidation(resolve(host.cwd, args.validation));
  const { instances, all, rows, lines, name, revision, sha256 } = await loadInstances(args, host);
  if (instances.length === 0) throw usage('no instance is left after the selection flags');
  const rowOf: RowOf = new Map(
    all.map(({ instanceId }, index) => [instanceId, { row: rows[index], line: lines[index] }]),
  );
  const filtered = applyRecipe({
    recipe,
    candidates: candidates({ instances, rowOf, validation }),
    hasValidation: validation !== undefined,
  });
  await writeAtomic(resolve(host.cwd, args.output), keptLines(filtered, rowOf));
  await writeAtomic(resolve(host.cwd, droppedOutput), droppedLines(filtered));
  const version = `${recipe.name}@${recipe.version}`;
  const [kept, goldRuns] = [filtered.kept.length, leastEpochs(validation)];
  if (args.json) {
    const source = { recipe: version, dataset: name, revision, sha256, goldRuns };
    const counts = { rows: instances.length, kept, rules: filtered.counts };
    host.out(JSON.stringify({ ...source, ...counts, output: args.output, droppedOutput, note: recipe.note }));
    return EXIT.done;
  }
  host.out(`${version} on ${name} (revision ${revision}, sha256 ${sha256})\n`);
  host.out(`${ruleTable(recipe, filtered)}\n`);
  if (goldRuns !== null) host.out(`determinism by ${args.validation}: ${goldRuns} runs of each gold patch`);
  host.out(`${kept} of ${instances.length} rows kept: ${args.output}; the others by rule: ${droppedOutput}`);
  host.out(recipe.note);
  return EXIT.done;
}

/** Beside the output. Throws `usage` for an output that isn't JSON lines, or would replace the rows that are read. */
function droppedFile({ output, dataset }: FilterArgs, { cwd }: Host): string {
  if (!output.endsWith('.jsonl')) throw usage(`-o ${output}: expected a .jsonl file`);
  const dropped = output.replace(/\.jsonl$/, '.dropped.jsonl');
  if ([output, dropped].some((path) => resolve(cwd, path) === resolve(cwd, dataset)))
    throw usage(`-o ${output} would replace ${dataset}`);
  return dropped;
}

/** The chosen instances one at a time, as plain rows are copies; an entry of another row under the same id says nothing. */
function* candidates(options: {
  readonly instances: readonly Instance[];
  readonly rowOf: RowOf;
  readonly validation: Validation | undefined;
}): Generator<Candidate> {
  const { instances, rowOf, validation } = options;
  const entries = new Map(validation?.entries.map((entry) => [entry.instanceId, entry]));
  for (const instance of instances) {
    const entry = entries.get(instance.instanceId);
    yield {
      instance,
      row: plainRow(rowOf.get(instance.instanceId)?.row),
      ...(entry?.rowHash === instance.rowHash ? { validation: entry } : {}),
    };
  }
}

function* keptLines({ kept }: Filtered, rowOf: RowOf): Generator<string | Uint8Array> {
  for (const { instanceId } of kept) {
    const found = rowOf.get(instanceId);
    yield found?.line ?? rowLine(found?.row);
    yield '\n';
  }
}

function* droppedLines({ dropped }: Filtered): Generator<string> {
  for (const { instanceId, rule, reason } of dropped)
    yield `${JSON.stringify({ instance_id: instanceId, rule, reason })}\n`;
}

/** How often the gold patch of an instance was run, at least; null without a validation. */
function leastEpochs(validation: Validation | undefined): number | null {
  if (validation === undefined) return null;
  const epochs = validation.entries.map((entry) => entry.epochs);
  return epochs.length === 0 ? 0 : Math.min(...epochs);
}

const HEAD = ['RULE', 'DROPPED', 'ALONE', 'NOT KNOWN', 'DROPS'];

/** What each rule did; where it wasn't applied, how to have it applied. */
function ruleTable({ rules }: Recipe, { counts }: Filtered): string {
  return table(
    HEAD,
    counts.map(({ rule, isApplied, dropped, alone, notKnown }, index) =>
      isApplied
        ? [rule, String(dropped), String(alone), String(notKnown), rules[index]?.drops ?? '']
        : [rule, '-', '-', '-', 'not applied: needs --validation RUN'],
    ),
  );
}
