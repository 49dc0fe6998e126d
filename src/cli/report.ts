import { join, relative, resolve } from 'node:path';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { type Report, runReport } from './report-run.js';
import { trainingReport } from './report-training.js';
import { writeReportFiles } from './results.js';
import { isTraining } from './runs-training.js';

/** `assay report`: files of a finished or unfinished run or training, in any format, as often as one likes. */
export async function reportCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as {
    readonly run: string;
    readonly format?: string;
    readonly plots?: string;
    readonly output?: string;
    readonly json: boolean;
  };
  const folder = resolve(host.cwd, args.run);
  const report = await ((await isTraining(folder)) ? trainingReport(folder, host) : runReport(folder, host));
  const to = args.output === undefined ? folder : resolve(host.cwd, args.output);
  const written: string[] = [];
  const write = async (files: ReturnType<Report['files']>, where: string) => {
    for await (const file of files) {
      await writeReportFiles([file], where);
      written.push(join(where, file.path));
    }
  };
  const formats = args.format?.split(',') ?? (args.plots === undefined ? report.usual : []);
  for (const format of formats) await write(report.files(format), to);
  if (args.plots !== undefined) await write(report.plots(), resolve(host.cwd, args.plots));
  await report.tell();
  if (args.json) host.out(JSON.stringify({ folder: to, files: written.map((path) => relative(to, path)) }));
  else for (const path of written.slice(0, SHOWN)) host.out(relative(host.cwd, path));
  if (!args.json && written.length > SHOWN) host.out(`... and ${written.length - SHOWN} more files`);
  return EXIT.done;
}

/** A submission has three files per instance: more paths than this are counted, not listed. */
const SHOWN = 20;
