import type { Comparison, ReportFile, RunResults, RunSummary } from '../src/index.js';
import { comparisonJson } from './compare/json.js';
import { comparisonMarkdown } from './compare/markdown.js';
import { csvReport } from './csv/report.js';
import { jsonReport } from './json/report.js';
import { junitReport } from './junit/report.js';
import { markdownReport } from './md/report.js';
import { officialReport } from './official/summary.js';

export { comparisonPlots, runPlots, trainingPlots } from './charts/plots.js';
export { comparisonMarkdown } from './compare/markdown.js';
export { comparisonText } from './compare/text.js';
export { githubAnnotations, githubReport } from './github/summary.js';
export type { Packed } from './html/blobs.js';
export { type Evidence, episodeRow, htmlReport } from './html/files.js';
export type { ComparePage, EpisodeRow, TrainingPage } from './html/model.js';
export { detailOf, episodeDetail, runPage, type Sources as AttemptSources } from './html/run-page.js';
export { type Bundle, pageFile, servedPage } from './html/shell.js';
export { dapoPage, rftPage } from './html/training-page.js';
export { submissionFiles } from './submission/submission.js';
export { renderTable } from './terminal/table.js';
export { renderValidation } from './terminal/validation.js';

/** Results of a run and `summarise` of them -> files, with paths relative to the folder they go into. */
type Reporter = (results: RunResults, summary: RunSummary) => readonly ReportFile[];

export type ReportFormat = 'json' | 'md' | 'csv' | 'official' | 'junit';

/** Every format that needs the verdicts alone; `submissionFiles` also needs patches and logs. */
export const reporters: Readonly<Record<ReportFormat, Reporter>> = {
  json: jsonReport,
  md: markdownReport,
  csv: csvReport,
  official: officialReport,
  junit: junitReport,
};

/** Files of a comparison, by their extension. */
export const comparisonFiles: Readonly<Record<string, (comparison: Comparison) => string>> = {
  '.md': comparisonMarkdown,
  '.json': comparisonJson,
};
