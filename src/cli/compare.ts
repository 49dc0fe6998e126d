import { extname, join, relative, resolve } from 'node:path';
import {
  comparisonFiles,
  comparisonMarkdown,
  comparisonPlots,
  comparisonText,
  pageFile,
} from '../../reports/index.js';
import { readRun } from '../run/folder.js';
import type { LabelledRun } from '../stats/alike.js';
import { type Comparison, compareRuns, regressions } from '../stats/compare.js';
import { writeAtomic } from '../util/files.js';
import { seededRandom } from '../util/random.js';
import { EXIT, usage } from './exit.js';
import { addToJobSummary } from './github-job.js';
import type { Host } from './host.js';
import { pageBundle } from './html.js';
import { writeReportFiles } from './results.js';

interface CompareArgs {
  readonly runs: readonly string[];
  readonly intersect: boolean;
  readonly strict: boolean;
  readonly 'fail-on-regression': boolean;
  readonly alpha: number;
  readonly output?: string;
  readonly plots?: string;
  readonly json: boolean;
}

/** `assay compare`: paired tests of runs over the same instances, the first one being what the others are held against. */
export async function compare(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as CompareArgs;
  if (args.runs.length < 2) throw usage('name two run folders or more');
  if (!(args.alpha > 0 && args.alpha < 1))
    throw usage(`--alpha ${args.alpha}: expected a number between 0 and 1`);
  const file = args.output === undefined ? undefined : fileOf(args.output, host);
  const comparison = compareRuns({
    runs: await labelledRuns(args.runs, host),
    strict: args.strict,
    intersect: args.intersect,
    random: seededRandom,
  });
  if (file !== undefined) {
    const path = resolve(host.cwd, file.path);
    await writeAtomic(path, await file.render(comparison));
    host.err(`written: ${relative(host.cwd, path)}`);
  }
  await addToJobSummary(comparisonMarkdown(comparison), host);
  if (args.plots !== undefined) {
    const folder = resolve(host.cwd, args.plots);
    const plots = comparisonPlots(comparison);
    await writeReportFiles(plots, folder);
    host.err(`written: ${plots.map(({ path }) => relative(host.cwd, join(folder, path))).join(', ')}`);
  }
  host.out(args.json ? JSON.stringify(comparison) : comparisonText(comparison).trimEnd());
  return args['fail-on-regression'] ? verdictOf(comparison, args.alpha, host) : EXIT.done;
}

type Render = (comparison: Comparison) => string | Promise<string>;

function fileOf(path: string, host: Host): { readonly path: string; readonly render: Render } {
  const renders: Readonly<Record<string, Render>> = {
    ...comparisonFiles,
    '.html': async (comparison) =>
      pageFile(
        { kind: 'compare', schemaVersion: 1, comparison, generatedAt: host.clock.iso() },
        await pageBundle(),
        { inline: [] },
      ),
  };
  const render = renders[extname(path)];
  if (render === undefined)
    throw usage(`--output ${path}: expected a name that ends in ${Object.keys(renders).join(', ')}`);
  return { path, render };
}

/** Run folders with what to call them; rejects as `readRun` does. */
export async function labelledRuns(
  names: readonly string[],
  { cwd }: Pick<Host, 'cwd'>,
): Promise<readonly LabelledRun[]> {
  const runs = await Promise.all(
    names.map(async (name) => ({ name, results: await readRun(resolve(cwd, name)) })),
  );
  const labels = distinct(
    runs.map(({ results }) => results.manifest.runId),
    names,
  );
  return runs.map(({ results }, index) => ({ label: labels[index] as string, results }));
}

/** Run ids; those that are there twice with the folder's name, and with a number where that is the same, too. */
function distinct(ids: readonly string[], names: readonly string[]): readonly string[] {
  const isRepeated = (list: readonly string[], item: string | undefined) =>
    list.filter((other) => other === item).length > 1;
  const labels = ids.map((id, index) => (isRepeated(ids, id) ? `${id} (${names[index]})` : id));
  return labels.map((label, index) => (isRepeated(labels, label) ? `${label} #${index + 1}` : label));
}

/** Exit code of `--fail-on-regression`. While the comparison is incomplete, neither answer stands: the machine's failures count as the run's. */
function verdictOf(comparison: Comparison, alpha: number, host: Host): number {
  if (comparison.incomplete.length > 0) {
    host.err('the comparison is incomplete: whether there is a regression can not be told');
    return EXIT.infraLeft;
  }
  const found = regressions(comparison, alpha);
  for (const { a, b, adjustedP } of found)
    host.err(
      `regression: ${comparison.runs[b]?.label} is worse than ${comparison.runs[a]?.label} (p ${adjustedP.toPrecision(3)} < ${alpha})`,
    );
  return found.length > 0 ? EXIT.belowThreshold : EXIT.done;
}
