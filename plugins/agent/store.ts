import { mkdir, open, readdir, readFile, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  AssayError,
  hasCode,
  messageOf,
  type Trajectory,
  type TrajectoryLine,
  type Turn,
} from '../../src/index.js';
import { addLine, type GrowingEpisode, isFault, parseLine } from './episodes.js';
import { gzipMembers } from './gzip-members.js';

/** What a store knows of an episode. */
export interface KnownEpisode extends Omit<Trajectory, 'turns'> {
  /** Absent once it is over: the turns of a whole run may be larger than memory. */
  readonly turns?: readonly Turn[];
}

/** The trajectories of a run, open for writing. One process at a time: the caller holds the lock of the run. */
export interface TrajectoryStore {
  /** Resolves when the line is on the disk. Lines of one instance stand in the order of the calls. A file that couldn't be written takes no more. */
  append(line: TrajectoryLine): Promise<void>;
  /** By episode id: what the files held at first, and what was appended since. */
  known(): ReadonlyMap<string, KnownEpisode>;
  /** Resolves when nothing is being written any more. */
  close(): Promise<void>;
}

const SUFFIX = '.jsonl.gz';
const NEWLINE = 10;
const compress = promisify<string, Buffer>(gzip);

/**
 * Opens a folder with a file of trajectories for each instance; makes it if need be. What a killed process wrote of a line is cut off; any
 * other damage is `run_damaged`, with file and line.
 */
export async function openStore(folder: string): Promise<TrajectoryStore> {
  await mkdir(folder, { recursive: true });
  const known = new Map<string, KnownEpisode>();
  const running = new Map<string, GrowingEpisode>();
  const keep = (one: GrowingEpisode) => {
    const { episode, result } = one;
    const isOver = result !== undefined && !isFault(result);
    known.set(episode.episodeId, isOver ? { episode, result } : one);
    if (!isOver) running.set(episode.episodeId, one);
    else running.delete(episode.episodeId);
  };
  for (const path of await filesOf(folder)) {
    const { episodes, cutAt } = await readEpisodes(path);
    if (cutAt !== undefined) await truncate(path, cutAt);
    for (const one of episodes.values()) keep(one);
  }
  const writers = new Map<string, Writer>();
  let isClosed = false;
  return {
    async append(line) {
      if (isClosed) throw new Error('the store is closed');
      const changed = addLine(running, parseLine(line));
      keep(changed);
      const { instanceId } = changed.episode;
      const writer = writers.get(instanceId) ?? startWriter(trajectoryFile(folder, instanceId));
      writers.set(instanceId, writer);
      await writer.append(`${JSON.stringify(line)}\n`);
    },
    known: () => known,
    async close() {
      isClosed = true;
      await Promise.all([...writers.values()].map((writer) => writer.finish()));
    },
  };
}

/** The file of an instance in a folder of trajectories. */
export function trajectoryFile(folder: string, instanceId: string): string {
  return join(folder, `${instanceId}${SUFFIX}`);
}

/** All trajectories of a folder, or those of some instances, also those that have no result yet; one file is in memory at a time. */
export async function* readTrajectories(
  folder: string,
  instanceIds?: ReadonlySet<string>,
): AsyncGenerator<Trajectory> {
  for (const path of await filesOf(folder)) {
    if (instanceIds?.has(basename(path, SUFFIX)) === false) continue;
    const { episodes } = await readEpisodes(path);
    yield* episodes.values();
  }
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith(SUFFIX))
    .sort()
    .map((name) => join(folder, name));
}

interface FileContent {
  readonly episodes: ReadonlyMap<string, GrowingEpisode>;
  /** Where a line begins that a killed process could not finish. */
  readonly cutAt?: number;
}

async function readEpisodes(path: string): Promise<FileContent> {
  const bytes = await readFile(path);
  const episodes = new Map<string, GrowingEpisode>();
  let wholeBytes = 0;
  let lineNumber = 1;
  try {
    for (const { content, end } of gzipMembers(bytes)) {
      if (end === undefined) {
        assertOneLine(content);
        return { episodes, cutAt: wholeBytes };
      }
      for (const text of linesOf(content)) {
        const line = parseLine(JSON.parse(text));
        if (line.type === 'episode' && `${line.instanceId}${SUFFIX}` !== basename(path))
          throw new Error(`an episode of ${line.instanceId} in the file of another instance`);
        addLine(episodes, line);
        lineNumber++;
      }
      wholeBytes = end;
    }
  } catch (cause) {
    throw new AssayError('run_damaged', `${path}:${lineNumber}: ${messageOf(cause)}`, { cause });
  }
  return { episodes };
}

function linesOf(content: Buffer): readonly string[] {
  const lines = new TextDecoder('utf-8', { fatal: true }).decode(content).split('\n');
  if (lines.pop() !== '') throw new Error('the line has no end');
  return lines;
}

/** Of a file that was packed anew as a whole, much more than the last line would be lost. */
function assertOneLine(content: Buffer): void {
  const end = content.indexOf(NEWLINE);
  if (end !== -1 && end !== content.length - 1) throw new Error('the file is cut short in the middle');
}

interface Writer {
  append(text: string): Promise<void>;
  finish(): Promise<void>;
}

/** Appends to one file. Lines that come while others are being written share the next write. */
function startWriter(path: string): Writer {
  let waiting: string[] = [];
  let next: Promise<void> | undefined;
  let last = Promise.resolve();
  return {
    append(text) {
      waiting.push(text);
      // After a failure nothing is written: the file may end in the middle of a line.
      next ??= last = last.then(() => {
        const texts = waiting;
        waiting = [];
        next = undefined;
        return appendMembers(path, texts);
      });
      return next;
    },
    finish: () => last.catch(() => undefined),
  };
}

/** One gzip member for each text, so that what a kill leaves of the last one harms no other. */
async function appendMembers(path: string, texts: readonly string[]): Promise<void> {
  const members = await Promise.all(texts.map((text) => compress(text)));
  const file = await open(path, 'a');
  try {
    await file.writeFile(Buffer.concat(members));
    await file.sync();
  } finally {
    await file.close();
  }
}
