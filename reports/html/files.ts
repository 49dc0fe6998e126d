import {
  byInstance,
  type ReportFile,
  type RunResults,
  type RunSummary,
  type Trajectory,
} from '../../src/index.js';
import { blobStore, type Packed } from './blobs.js';
import type { EpisodeRow, NamedLog } from './model.js';
import { detailOf, episodeDetail, runPage, type Sources } from './run-page.js';
import { type Bundle, pageFile } from './shell.js';

/** What a report reads of a run beyond its verdicts, and how it packs it. */
export interface Evidence {
  /** Of one attempt as submitted. */
  readonly patch: (instanceId: string, attempt: number) => Promise<string>;
  /** The logs of one attempt, packed as they were stored. */
  readonly logs: (
    instanceId: string,
    attempt: number,
  ) => Promise<readonly (Packed & Pick<NamedLog, 'name'>)[]>;
  /** Of one instance, by sample number; empty where no agent was at work. */
  readonly episodes: (instanceId: string) => Promise<ReadonlyMap<number, Trajectory>>;
  readonly pack: (text: string) => Promise<Packed>;
}

/** Files with logs stand in this folder beside the page. */
const BESIDE = 'report-logs';

/** `report.html` and, under `report-logs/`, the logs that are too large to stand in it; the page comes last. */
export async function* htmlReport(
  results: RunResults,
  summary: RunSummary,
  {
    evidence,
    bundle,
    generatedAt,
  }: { readonly evidence: Evidence; readonly bundle: Bundle; readonly generatedAt: string },
): AsyncGenerator<ReportFile> {
  const blobs = blobStore(BESIDE);
  const sources = new Map<string, Sources>();
  for (const { instance, verdicts } of byInstance(results)) {
    const { instanceId } = instance;
    const episodes = await evidence.episodes(instanceId);
    for (const [sample, trajectory] of episodes) {
      const detail = blobs.keep(await evidence.pack(JSON.stringify(episodeDetail(trajectory))));
      sources.set(`${instanceId}#${sample}`, { logs: [], episode: episodeRow(trajectory, detail) });
    }
    for (const verdict of verdicts) {
      const key = `${instanceId}#${verdict.attempt}`;
      const patch = await evidence.patch(instanceId, verdict.attempt);
      const detail = blobs.keep(
        await evidence.pack(
          JSON.stringify(detailOf({ manifest: results.manifest, instance, verdict, patch })),
        ),
      );
      const logs: NamedLog[] = [];
      for (const { name, ...packed } of await evidence.logs(instanceId, verdict.attempt)) {
        const { ref, file } = blobs.place(packed);
        if (file !== undefined) yield file;
        logs.push({ name, ...ref });
      }
      sources.set(key, { ...sources.get(key), detail, logs });
    }
  }
  const page = runPage({ results, summary, sources, generatedAt });
  const beside = blobs.hasBeside() ? BESIDE : undefined;
  yield {
    path: 'report.html',
    content: pageFile(page, bundle, { inline: blobs.inline(), ...(beside === undefined ? {} : { beside }) }),
  };
}

/** The line of an episode in the table. */
export function episodeRow({ turns, result }: Trajectory, detail: EpisodeRow['detail']): EpisodeRow {
  const tokens = turns.reduce((sum, { usage }) => sum + usage.promptTokens + usage.completionTokens, 0);
  const cost = result?.usage.cost;
  return {
    end: result?.end ?? 'running',
    turns: turns.length,
    tokens,
    ...(cost === undefined ? {} : { cost }),
    detail,
  };
}
