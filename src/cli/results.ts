import { join, relative } from 'node:path';
import { renderTable, reporters } from '../../reports/index.js';
import type { ReportFile, RunManifest, RunResults } from '../model/run.js';
import { readValidations } from '../run/validate.js';
import type { Question } from '../run-instance.js';
import { type RunSummary, summarise } from '../stats/summary.js';
import { questionKey } from '../stats/validity.js';
import { writeAtomic } from '../util/files.js';
import type { Host } from './host.js';

/** Writes every report that needs no logs into the run folder and prints the table; under `--json` the summary stays in the files. */
export async function finishReport(
  results: RunResults,
  folder: string,
  json: boolean,
  host: Host,
): Promise<RunSummary> {
  const summary = await summaryOf(results, host);
  for (const reporter of Object.values(reporters)) await writeReportFiles(reporter(results, summary), folder);
  if (!json) {
    host.out(renderTable(summary));
    const path = relative(host.cwd, folder);
    host.out(`Report: ${join(path, 'report.md')}   (as a page for a browser: assay report ${path} -f html)`);
  }
  return summary;
}

/** All numbers of a report, with what this machine's cache knows from validations of the dataset. */
export async function summaryOf(results: RunResults, host: Host): Promise<RunSummary> {
  const { datasetSha256 } = results.manifest.settings;
  const warn = (message: string) => host.err(`warning: ${message}`);
  return summarise(results, await readValidations(host.cacheDir, datasetSha256, warn));
}

/** What validations on this machine found wrong with an instance in its image, as a note of its verdicts: `flaky: ...`. */
export async function knownTroubles(
  { settings }: RunManifest,
  host: Host,
): Promise<(question: Question) => readonly string[]> {
  const warn = (message: string) => host.err(`warning: ${message}`);
  const entries = await readValidations(host.cacheDir, settings.datasetSha256, warn);
  const known = new Map(entries.map((entry) => [questionKey(entry), entry]));
  return (question) => {
    const entry = known.get(questionKey(question));
    if (entry === undefined || entry.class === 'valid') return [];
    return [`${entry.class}: ${entry.reason ?? 'no reason was kept'} (validated ${entry.date.slice(0, 10)})`];
  };
}

/** Writes files of a report below a folder. */
export async function writeReportFiles(files: readonly ReportFile[], folder: string): Promise<void> {
  for (const { path, content } of files) await writeAtomic(join(folder, path), content, { sync: false });
}
