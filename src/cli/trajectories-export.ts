import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { trajectoryFormats } from '../../plugins/agent/formats/index.js';
import { readTrajectories } from '../../plugins/agent/store.js';
import { writeAtomic } from '../util/files.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { presentTrajectories } from './trajectories.js';

type ExportArgs = Readonly<{ run: string; format: string; output: string; json: boolean }>;

/** `assay trajectories export`: a file for each trajectory of a run. */
export async function exportTrajectories(
  raw: Readonly<Record<string, unknown>>,
  host: Host,
): Promise<number> {
  const args = raw as unknown as ExportArgs;
  const format = trajectoryFormats.find(({ name }) => name === args.format);
  if (format === undefined) throw usage(`no format ${args.format}`);
  const folder = resolve(host.cwd, args.output);
  let files = 0;
  let unfinished = 0;
  for await (const trajectory of readTrajectories(presentTrajectories(args.run, host.cwd))) {
    const { instanceId, sample } = trajectory.episode;
    const path = join(folder, `${instanceId}.${sample}${format.suffix}`);
    if (existsSync(path)) throw usage(`${path} exists: remove it, or name another folder with -o`);
    await writeAtomic(path, `${JSON.stringify(format.write(trajectory), undefined, 1)}\n`, { sync: false });
    files++;
    if (trajectory.result === undefined) unfinished++;
  }
  host.out(
    args.json
      ? JSON.stringify({ folder, files, unfinished })
      : `${files} files in ${args.output}; ${unfinished} of them of episodes that have not ended`,
  );
  return EXIT.done;
}
