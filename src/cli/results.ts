import { join, relative } from 'node:path';
import { renderTable } from '../../reports/terminal/table.js';
import type { ReportFile, RunResults } from '../model/run.js';
import { type RunSummary, summarise } from '../stats/summary.js';
import { writeAtomic } from '../util/files.js';
import type { Host } from './host.js';
import { reporters } from './registry.js';

/** Formats that a run writes by itself; `assay report` writes any. */
const DEFAULT_FORMATS = ['json', 'md', 'csv', 'official'] as const;

/** Writes the default reports into the run folder and prints the table; under `--json` the summary stays in the files. */
export async function finishReport(
  results: RunResults,
  folder: string,
  json: boolean,
  host: Host,
): Promise<RunSummary> {
  const files = DEFAULT_FORMATS.flatMap((format) => reporters[format](results));
  await writeReportFiles(files, folder);
  const summary = summarise(results);
  if (!json) {
    host.out(renderTable(summary));
    host.out(`Report: ${relative(host.cwd, join(folder, 'report.md'))}`);
  }
  return summary;
}

/** Writes files of a report below a folder. */
export async function writeReportFiles(files: readonly ReportFile[], folder: string): Promise<void> {
  for (const { path, content } of files) await writeAtomic(join(folder, path), content);
}
