import { resolve } from 'node:path';
import type { ReportFile } from '../model/run.js';
import { readLog, readPatch, readRun } from '../run/folder.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { type ReportFormat, reporters, submissionReport } from './registry.js';
import { writeReportFiles } from './results.js';

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
  const files: ReportFile[] = [];
  for (const format of args.format.split(',')) {
    if (format === 'submission') {
      const read = async (instanceId: string, attempt: number) => ({
        patch: await readPatch(folder, instanceId, attempt),
        log: await readLog(folder, instanceId, attempt),
      });
      files.push(...(await submissionReport(results, read)));
    } else if (format in reporters) {
      files.push(...reporters[format as ReportFormat](results));
    } else {
      throw usage(`--format ${format}: known are ${[...Object.keys(reporters), 'submission'].join(', ')}`);
    }
  }
  const to = args.output === undefined ? folder : resolve(host.cwd, args.output);
  await writeReportFiles(files, to);
  if (args.json) host.out(JSON.stringify({ folder: to, files: files.map(({ path }) => path) }));
  else for (const { path } of files.slice(0, 20)) host.out(resolve(to, path));
  if (!args.json && files.length > 20) host.out(`... and ${files.length - 20} more files`);
  return EXIT.done;
}
