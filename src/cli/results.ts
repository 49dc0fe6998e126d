import { join, relative } from 'node:path';
import { renderTable, reporters } from '../../reports/index.js';
import type { ReportFile, RunResults } from '../model/run.js';
import { readValidations } from '../run/validate.js';
import { type RunSummary, summarise } from '../stats/summary.js';
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
    host.out(`Report: ${relative(host.cwd, join(folder, 'report.md'))}`);
  }
  return summary;
}

/** All numbers of a report, with what this machine's cache knows from validations of the dataset. */
export async function summaryOf(results: RunResults, host: Host): Promise<RunSummary> {
  const { datasetSha256 } = results.manifest.settings;
  const warn = (message: string) => host.err(`warning: ${message}`);
  return summarise(results, await readValidations(host.cacheDir, datasetSha256, warn));
}

/** Writes files of a report below a folder. */
export async function writeReportFiles(files: readonly ReportFile[], folder: string): Promise<void> {
  for (const { path, content } of files) await writeAtomic(join(folder, path), content, { sync: false });
}
