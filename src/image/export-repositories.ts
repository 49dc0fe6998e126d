import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readIfExists, writeAtomic } from '../util/files.js';
import type { BuildContext } from './build-context.js';
import { compressor } from './export-archive.js';
import { repositoryFile } from './export-index.js';
import { gitBytes } from './git.js';
import { pastOf } from './history.js';

interface PackOptions {
  readonly context: BuildContext;
  readonly repo: string;
  /** Base commits of the instances. */
  readonly commits: readonly string[];
  readonly folder: string;
  /** A folder for unfinished files, on the same disk. */
  readonly work: string;
}

/**
 * One pack of exactly what the commits and the tags of their past lead to, and the refs that git reads that past from; files that are
 * there for the same refs are kept. Returns the files' names.
 */
export async function exportRepository(options: PackOptions): Promise<readonly string[]> {
  const { context, repo, commits, folder, work } = options;
  const { signal, onLog } = context;
  const name = repositoryFile(repo);
  const files = [`${name}.pack.br`, `${name}.refs`];
  const repository = await context.mirror(repo, commits[0] ?? '', signal);
  const refs = new Map<string, string>();
  for (const commit of commits) {
    refs.set(`refs/heads/${commit}`, commit);
    for (const { name: tag, object } of (await pastOf({ repository, commit, signal })).tags)
      refs.set(tag, object);
  }
  const text = [...refs]
    .map(([ref, object]) => `${object} ${ref}\n`)
    .sort()
    .join('');
  // Written after the pack: it is complete.
  if ((await readIfExists(join(folder, `${name}.refs`))) === text) return files;
  onLog(`${repo}: packing the past of ${commits.length} commits`);
  const own = join(work, repo.replace('/', '+'));
  await mkdir(own, { recursive: true });
  const effort = ['--threads=1', '--window=50', '--depth=250', '--window-memory=256m'];
  // Left to brotli, which makes two thirds of it of what zlib would.
  const choices = [
    '--compression=0',
    '--revs',
    '--no-reuse-delta',
    '--no-reuse-object',
    '--delta-base-offset',
  ];
  await gitBytes({
    repository,
    signal,
    input: [...new Set(refs.values())].map((object) => `${object}\n`).join(''),
    args: ['pack-objects', '--quiet', ...choices, ...effort, join(own, 'pack')],
  });
  const pack = (await readdir(own)).find((file) => file.endsWith('.pack')) ?? '';
  await mkdir(join(folder, 'repositories'), { recursive: true });
  const compressed = join(own, 'pack.br');
  await pipeline(createReadStream(join(own, pack)), compressor(), createWriteStream(compressed), { signal });
  await rename(compressed, join(folder, `${name}.pack.br`));
  await writeAtomic(join(folder, `${name}.refs`), text);
  await rm(own, { recursive: true, force: true });
  return files;
}
