import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { episodeIdOf, linesOf } from '../../plugins/agent/episodes.js';
import { importTrajectory, trajectoryFormats } from '../../plugins/agent/formats/index.js';
import { openStore } from '../../plugins/agent/store.js';
import { AssayError } from '../errors.js';
import type { Trajectory } from '../model/trajectory.js';
import { hasCode } from '../util/files.js';
import { decodeUtf8, readBytes } from '../util/json-file.js';
import { messageOf } from '../util/words.js';
import { describeError, EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { trajectoriesFolder } from './trajectories.js';

type ImportArgs = Readonly<{ files: readonly string[]; output: string; id?: string; json: boolean }>;

const SUFFIXES = [...trajectoryFormats.map(({ suffix }) => suffix), '.json'];

/** `assay trajectories import`: a run folder of the trajectories of files; those that are none are named. */
export async function importTrajectories(
  raw: Readonly<Record<string, unknown>>,
  host: Host,
): Promise<number> {
  const args = raw as unknown as ImportArgs;
  const folder = trajectoriesFolder(args.output, host.cwd);
  if (existsSync(folder)) throw usage(`${args.output} has trajectories: name another folder with -o`);
  const store = await openStore(folder);
  let failed = 0;
  try {
    for (const path of args.files) {
      try {
        const trajectory = await readFileOf(path, args.id ?? stemOf(path), host.cwd);
        const lines = linesOf(asNextSample(trajectory, store.known()));
        await Promise.all(lines.map((line) => store.append(line)));
      } catch (error) {
        if (!(error instanceof AssayError) || error.code !== 'bad_trajectory') throw error;
        host.err(describeError(error));
        failed++;
      }
    }
  } finally {
    await store.close();
  }
  const trajectories = args.files.length - failed;
  host.out(
    args.json
      ? JSON.stringify({ trajectories, failed })
      : `${trajectories} trajectories in ${args.output}; ${failed} of ${args.files.length} files are none`,
  );
  return failed === 0 ? EXIT.done : EXIT.usage;
}

async function readFileOf(path: string, instanceId: string, cwd: string): Promise<Trajectory> {
  const { bytes } = await readBytes(resolve(cwd, path)).catch((error: unknown) => {
    throw hasCode(error, 'ENOENT') ? usage(`${path}: no such file`) : error;
  });
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(bytes));
  } catch (error) {
    throw new AssayError('bad_trajectory', `${path} is no JSON: ${messageOf(error)}`);
  }
  return importTrajectory(value, instanceId, path);
}

/** `a/owner__name-1.traj.gz` -> `owner__name-1` */
function stemOf(path: string): string {
  const name = basename(path).replace(/\.gz$/, '');
  const suffix = SUFFIXES.find((one) => name.endsWith(one)) ?? '';
  return name.slice(0, name.length - suffix.length);
}

/** As the first sample from its own number on that is not there yet. */
function asNextSample(
  { episode, ...rest }: Trajectory,
  known: { has(episodeId: string): boolean },
): Trajectory {
  let { sample } = episode;
  while (known.has(episodeIdOf(episode.instanceId, sample))) sample++;
  return { ...rest, episode: { ...episode, sample, episodeId: episodeIdOf(episode.instanceId, sample) } };
}
