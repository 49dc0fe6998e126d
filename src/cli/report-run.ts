import { githubReport, htmlReport, reporters, runPlots, submissionFiles } from '../../reports/index.js';
import type { ReportFile } from '../model/run.js';
import { readLog, readPatch, readRun } from '../run/folder.js';
import { usage } from './exit.js';
import { tellJob } from './github-job.js';
import type { Host } from './host.js';
import { evidenceOf, pageBundle } from './html.js';
import { summaryOf } from './results.js';

/** What there is to report of a folder. */
export interface Report {
  /** Formats where none is named. */
  readonly usual: readonly string[];
  /** Throws `usage` for a format that there isn't. */
  readonly files: (format: string) => Iterable<ReportFile> | AsyncIterable<ReportFile>;
  readonly plots: () => readonly ReportFile[];
  /** What else is to be told, when all files are written. */
  readonly tell: () => Promise<void>;
}

const FORMATS: Readonly<Record<string, typeof githubReport>> = { ...reporters, github: githubReport };

/** The report of a run. */
export async function runReport(folder: string, host: Host): Promise<Report> {
  const results = await readRun(folder);
  const summary = await summaryOf(results, host);
  return {
    usual: Object.keys(reporters),
    files(format) {
      const reporter = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
      if (reporter !== undefined) return reporter(results, summary);
      if (format === 'html') return htmlFiles();
      if (format !== 'submission')
        throw usage(
          `--format ${format}: known are ${[...Object.keys(FORMATS), 'html', 'submission'].join(', ')}`,
        );
      return submissionFiles(results, async (instanceId, attempt) => ({
        patch: await readPatch(folder, instanceId, attempt),
        log: await readLog(folder, instanceId, attempt),
      }));
    },
    plots: () => runPlots(results, summary),
    tell: () => tellJob(results, summary, host),
  };

  async function* htmlFiles(): AsyncGenerator<ReportFile> {
    const bundle = await pageBundle();
    yield* htmlReport(results, summary, {
      evidence: evidenceOf(folder),
      bundle,
      generatedAt: host.clock.iso(),
    });
  }
}
