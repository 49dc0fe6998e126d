import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AssayError } from '../errors.js';
import { hasCode, readIfExists } from './files.js';
import { sha256 } from './hash.js';
import { isAlive, type ProcessIdentity } from './process.js';

/** Removing a dead process's lock takes two calls: a mark of it that is older was left by a crash in between. */
const BREAKING_MS = 10_000;
const ROUNDS = 20;
/** Between looks at a lock that somebody holds. */
const WAIT_MS = 250;

/** Who holds a lock: on a file system that hosts share, a process id alone says nothing. */
type Holder = ProcessIdentity & { readonly host?: string };

/** The process that works behind a lock file; undefined where there is no lock, or a dead process of this host left it. */
export async function lockHolder(path: string): Promise<Holder | undefined> {
  const holder = parseHolder((await readIfExists(path)) ?? '');
  if (holder === undefined) return undefined;
  return isOfOtherHost(holder) || isAlive(holder) ? holder : undefined;
}

/** Then nothing can be known of its process. */
export function isOfOtherHost({ host }: Holder): boolean {
  return host !== undefined && host !== hostname();
}

/** Takes a lock file for this process, replacing one whose owner is dead on this host; returns the release. */
export async function takeLock(path: string, owner: ProcessIdentity): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(own, JSON.stringify({ ...owner, host: hostname() } satisfies Holder), { flag: 'wx' });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      // By a link, so that a lock is there with its content or not at all.
      if (await linked(own, path)) return () => rm(path, { force: true });
      const text = await readIfExists(path);
      if (text === undefined) continue;
      const holder = parseHolder(text);
      if (holder !== undefined && isOfOtherHost(holder))
        throw new AssayError(
          'run_locked',
          `process ${holder.pid} of host ${holder.host} is working in ${dirname(path)}, or ended there without a word: if it has ended, remove ${path}`,
        );
      if (holder !== undefined && isAlive(holder))
        throw new AssayError('run_locked', `process ${holder.pid} is working in ${dirname(path)}`);
      await breakLock(path, text, own);
    }
  } finally {
    await rm(own, { force: true });
  }
  throw new AssayError('run_locked', `the lock ${path} is contended`);
}

interface WaitOptions {
  readonly path: string;
  readonly owner: ProcessIdentity;
  readonly signal: AbortSignal;
  /** Called once when another process holds the lock. */
  readonly onWait: (message: string) => void;
}

/** Does `work` while holding a lock; waits for a process that holds it. */
export async function withLock<T>(options: WaitOptions, work: () => Promise<T>): Promise<T> {
  const { path, owner, signal, onWait } = options;
  for (let told = false; ; told = true) {
    let release: () => Promise<void>;
    try {
      release = await takeLock(path, owner);
    } catch (error) {
      if (!(error instanceof AssayError && error.code === 'run_locked')) throw error;
      if (!told) onWait(`waiting: ${error.message}`);
      await sleep(WAIT_MS, undefined, { signal });
      continue;
    }
    return await work().finally(release);
  }
}

/** Removes a lock with exactly this text. Of many that want to, the one whose link is first may; the others look again. */
async function breakLock(path: string, text: string, own: string): Promise<void> {
  const mark = `${path}.${sha256(text).slice(0, 12)}.dead`;
  const isOurs = await linked(path, mark).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  });
  if (isOurs) {
    // Somebody may have broken the dead lock and taken his own before we came: then the mark is of that one.
    if ((await readFile(mark, 'utf8')) === text) await unlink(path);
    await rm(mark, { force: true });
    return;
  }
  const state = await stat(mark).catch(() => undefined);
  // Our own file was made just now, by the clock of the same file system.
  const age = (await stat(own)).ctimeMs - (state?.ctimeMs ?? Number.POSITIVE_INFINITY);
  if (age > BREAKING_MS) await rm(mark, { force: true });
  await sleep(5);
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'pid' in value ? (value as Holder) : undefined;
  } catch {
    return undefined;
  }
}
