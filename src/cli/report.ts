import { join, relative, resolve } from 'node:path';
import { githubReport, htmlReport, reporters, submissionFiles } from '../../reports/index.js';
import type { ReportFile } from '../model/run.js';
import { readLog, readPatch, readRun } from '../run/folder.js';
import { EXIT, usage } from './exit.js';
import { tellJob } from './github-job.js';
import type { Host } from './host.js';
import { evidenceOf, pageBundle } from './html.js';
import { summaryOf, writeReportFiles } from './results.js';

/** `assay report`: files of a finished or unfinished run, in any format, as often as one likes. */
export async function reportCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as {
    readonly run: string;
    readonly format: string;
    readonly output?: string;
    readonly json: boolean;
  };
  const folder = resolve(host.cwd, args.run);
  const results = await readRun(folder);
  const summary = await summaryOf(results, host);
  const to = args.output === undefined ? folder : resolve(host.cwd, args.output);
  const written: string[] = [];
  for (const format of args.format.split(',')) {
    for await (const file of filesOf(format)) {
      await writeReportFiles([file], to);
      written.push(file.path);
    }
  }
  await tellJob(results, summary, host);
  if (args.json) host.out(JSON.stringify({ folder: to, files: written }));
  else for (const path of written.slice(0, SHOWN)) host.out(relative(host.cwd, join(to, path)));
  if (!args.json && written.length > SHOWN) host.out(`... and ${written.length - SHOWN} more files`);
  return EXIT.done;

  function filesOf(format: string): Iterable<ReportFile> | AsyncIterable<ReportFile> {
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
  }

  async function* htmlFiles(): AsyncGenerator<ReportFile> {
    const bundle = await pageBundle();
    yield* htmlReport(results, summary, {
      evidence: evidenceOf(folder),
      bundle,
      generatedAt: host.clock.iso(),
    });
  }
}

const FORMATS: Readonly<Record<string, typeof githubReport>> = { ...reporters, github: githubReport };

/** A submission has three files per instance: more paths than this are counted, not listed. */
const SHOWN = 20;
