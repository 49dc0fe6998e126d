import type { ReportFile, RunResults, RunSummary } from '../src/index.js';
import { csvReport } from './csv/report.js';
import { jsonReport } from './json/report.js';
import { markdownReport } from './md/report.js';
import { officialReport } from './official/summary.js';

export { submissionFiles } from './submission/submission.js';
export { renderTable } from './terminal/table.js';

/** Results of a run and `summarise` of them -> files, with paths relative to the folder they go into. */
export type Reporter = (results: RunResults, summary: RunSummary) => readonly ReportFile[];

/** Every format that needs the verdicts alone; `submissionFiles` also needs patches and logs. */
export const reporters = {
  json: jsonReport,
  md: markdownReport,
  csv: csvReport,
  official: officialReport,
} as const satisfies Record<string, Reporter>;

export type ReportFormat = keyof typeof reporters;
