import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { readTrajectories, trajectoryFile } from '../../plugins/agent/store.js';
import {
  type AttemptSources,
  type ComparePage,
  detailOf,
  type EpisodeRow,
  episodeDetail,
  episodeRow,
  runPage,
} from '../../reports/index.js';
import type { Verdict } from '../model/verdict.js';
import { attemptFolder, FILES, LOGS, type LogName, readPatch } from '../run/folder.js';
import { followRun, type RunNow } from '../run/follow.js';
import { attemptKey } from '../run/ledger.js';
import { runningIn } from '../run/overview.js';
import { compareRuns } from '../stats/compare.js';
import { mapLimit } from '../util/pool.js';
import { seededRandom } from '../util/random.js';
import type { Views } from '../view/app.js';
import { labelledRuns } from './compare.js';
import type { Host } from './host.js';
import { evidenceOf } from './html.js';
import { summaryOf } from './results.js';
import { isRun, readEntries } from './runs-list.js';
import { isTraining, JOURNAL } from './runs-training.js';
import { readTrainingPage } from './training-page.js';
import { trajectoriesOf } from './trajectories.js';

/** Files that are looked at at once. */
const AT_ONCE = 16;

/** What `assay view` shows of the runs below a folder, or of the one that it is. */
export function viewsOf(root: string, host: Host): Views {
  const followed = new Map<string, () => Promise<RunNow>>();
  /** Logs of an attempt, by what its verdict is. */
  const logs = new Map<string, AttemptSources['logs']>();
  /** Of an instance, by its file of trajectories. */
  const episodes = new Map<
    string,
    { readonly size: number; readonly rows: ReadonlyMap<number, EpisodeRow> }
  >();

  /** The folder of a run by its name in the list; no other folder can be asked for. */
  async function folderOf(run: string): Promise<string | undefined> {
    if (run === basename(root) && (await isRun(root))) return root;
    const folder = join(root, run);
    return run === basename(folder) && dirname(folder) === root && (await isRun(folder)) ? folder : undefined;
  }
  async function nowOf(folder: string): Promise<RunNow> {
    const follow = followed.get(folder) ?? followRun(folder);
    followed.set(folder, follow);
    return follow();
  }
  async function logsOf(folder: string, path: string, verdict: Verdict): Promise<AttemptSources['logs']> {
    const key = `${folder} ${attemptKey(verdict)} ${verdict.finishedAt}`;
    const known = logs.get(key);
    if (known !== undefined) return known;
    const { instanceId, attempt } = verdict;
    const names = Object.keys(LOGS) as LogName[];
    const found = await mapLimit(names, names.length, async (name) => {
      const file = join(attemptFolder(folder, instanceId, attempt), LOGS[name]);
      return (await fileStat(file)) === undefined
        ? []
        : [{ name, key: `${path}/logs/${name}?${version(verdict.finishedAt)}`, bytes: 0 }];
    });
    logs.set(key, found.flat());
    return found.flat();
  }

  /** A line for each episode of an instance by its sample; its file is read again when it has grown. */
  async function episodesOf(
    folder: string,
    api: string,
    instanceId: string,
  ): Promise<ReadonlyMap<number, EpisodeRow>> {
    const trajectories = trajectoriesOf(folder);
    const file = trajectoryFile(trajectories, instanceId);
    const size = (await fileStat(file))?.size ?? 0;
    const known = episodes.get(file);
    if (known?.size === size) return known.rows;
    const rows = new Map<number, EpisodeRow>();
    if (size > 0)
      for await (const trajectory of readTrajectories(trajectories, new Set([instanceId]))) {
        const { sample } = trajectory.episode;
        const path = `${api}/episodes/${encodeURIComponent(instanceId)}/${sample}`;
        const key = `${path}?${version(trajectory.turns.length, trajectory.result?.end)}`;
        rows.set(sample, episodeRow(trajectory, { key, bytes: 0 }));
      }
    episodes.set(file, { size, rows });
    return rows;
  }

  return {
    list: async () =>
      (await readEntries(root)).map(({ folder, ...entry }) => ({ ...entry, name: basename(folder) })),
    async page(run) {
      const folder = await folderOf(run);
      if (folder === undefined) return undefined;
      if (await isTraining(folder)) return readTrainingPage(folder, host);
      const { results, begun } = await nowOf(folder);
      const isRunning = (await runningIn(folder)) !== undefined;
      const api = `/api/runs/${encodeURIComponent(run)}`;
      const sources = new Map<string, AttemptSources>();
      await mapLimit(results.verdicts, AT_ONCE, async (verdict) => {
        const path = `${api}/attempts/${encodeURIComponent(verdict.instanceId)}/${verdict.attempt}`;
        sources.set(`${verdict.instanceId}#${verdict.attempt}`, {
          detail: { key: `${path}?${version(verdict.finishedAt)}`, bytes: 0 },
          logs: await logsOf(folder, path, verdict),
        });
      });
      await mapLimit(results.instances, AT_ONCE, async ({ instanceId }) => {
        for (const [sample, episode] of await episodesOf(folder, api, instanceId)) {
          const key = `${instanceId}#${sample}`;
          sources.set(key, { logs: [], ...sources.get(key), episode });
        }
      });
      const planned = results.instances.reduce((sum, { attempts = 0 }) => sum + attempts, 0);
      return runPage({
        ...{ results, sources, summary: await summaryOf(results, host), generatedAt: host.clock.iso() },
        ...(isRunning ? { live: { done: results.verdicts.length, planned, running: begun } } : {}),
      });
    },
    async comparison(runs) {
      const folders = await Promise.all(runs.map(folderOf));
      if (folders.length < 2 || folders.includes(undefined)) return undefined;
      const comparison = compareRuns({
        ...{ runs: await labelledRuns(runs, { ...host, cwd: root }), random: seededRandom },
        ...{ strict: false, intersect: false },
      });
      return {
        kind: 'compare',
        schemaVersion: 1,
        comparison,
        generatedAt: host.clock.iso(),
      } satisfies ComparePage;
    },
    async attempt(run, instanceId, attempt) {
      const folder = await folderOf(run);
      if (folder === undefined) return undefined;
      const { results } = await nowOf(folder);
      const instance = results.instances.find((one) => one.instanceId === instanceId);
      const verdict = results.verdicts.find(
        (one) => one.instanceId === instanceId && one.attempt === attempt,
      );
      if (instance === undefined || verdict === undefined) return undefined;
      const patch = await readPatch(folder, instanceId, attempt);
      return detailOf({ manifest: results.manifest, instance, verdict, patch });
    },
    async episode(run, instanceId, sample) {
      const folder = await folderOf(run);
      if (folder === undefined) return undefined;
      const trajectory = (await evidenceOf(folder).episodes(instanceId)).get(sample);
      return trajectory === undefined ? undefined : episodeDetail(trajectory);
    },
    async log(run, instanceId, attempt, name) {
      const folder = await folderOf(run);
      if (folder === undefined || !Object.hasOwn(LOGS, name)) return undefined;
      const { results } = await nowOf(folder);
      if (!results.verdicts.some((one) => one.instanceId === instanceId && one.attempt === attempt))
        return undefined;
      const path = join(attemptFolder(folder, instanceId, attempt), LOGS[name as LogName]);
      if ((await fileStat(path)) === undefined) return undefined;
      // What a crash cut short is shown as far as it goes.
      return createReadStream(path).pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })) as Readable;
    },
    async version(run) {
      const folder = await folderOf(run);
      if (folder === undefined) return undefined;
      const sizes = await Promise.all(
        [FILES.events, JOURNAL].map(async (name) => (await fileStat(join(folder, name)))?.size ?? 0),
      );
      return [...sizes, (await runningIn(folder)) === undefined ? 'ended' : 'running'].join(' ');
    },
  };
}

const fileStat = (path: string) => stat(path).catch(() => undefined);

/** Makes the address of what has changed another one: a page keeps what it has loaded by its address. */
const version = (...of: readonly unknown[]) => new URLSearchParams({ version: of.join(' ') });
