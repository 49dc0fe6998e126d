import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { simpleGit } from 'simple-git';
import { AssayError } from '../errors.js';

interface CommitOptions {
  /** Path of a git repository that holds the commit: a bare mirror or a clone. */
  readonly mirror: string;
  readonly commit: string;
  readonly signal: AbortSignal;
}

/** Text of a file at a commit, or undefined when the commit has no such file. */
export async function fileAtCommit(
  options: CommitOptions & { readonly path: string },
): Promise<string | undefined> {
  const git = simpleGit({ baseDir: options.mirror, abort: options.signal });
  const listed = await git.raw(['ls-tree', '--name-only', options.commit, '--', options.path]);
  return listed.trim() === '' ? undefined : git.raw(['show', `${options.commit}:${options.path}`]);
}

/**
 * Writes a `.git` folder that holds a commit and its past only: one pack of exactly what the commit reaches, the branch `main`, and the
 * tags of the past (setuptools_scm reads versions from them). No remote, no reflog; `git init` completes it. Returns the
 * commit's date as git reads it, in UTC.
 */
export async function exportHistory(options: CommitOptions & { readonly into: string }): Promise<string> {
  const { mirror, commit, into, signal } = options;
  const git = simpleGit({ baseDir: mirror, abort: signal });
  const date = await git.raw(['show', '-s', '--format=%ct', `${commit}^{commit}`]).catch((cause: unknown) => {
    throw new AssayError('image_build_failed', `the mirror ${mirror} doesn't hold commit ${commit}`, {
      cause,
    });
  });
  const tags = (
    await git.raw(['for-each-ref', `--merged=${commit}`, '--format=%(objectname) %(refname)', 'refs/tags'])
  )
    .split('\n')
    .filter((line) => line !== '');
  await mkdir(join(into, 'objects/pack'), { recursive: true });
  await writeFile(join(into, 'HEAD'), 'ref: refs/heads/main\n');
  await writeFile(join(into, 'packed-refs'), `${[`${commit} refs/heads/main`, ...tags].join('\n')}\n`);
  await packObjects({
    mirror,
    signal,
    basename: join(into, 'objects/pack/pack'),
    tips: [commit, ...tags.map((line) => line.split(' ')[0] as string)],
  });
  return `${date.trim()} +0000`;
}

interface PackOptions {
  readonly mirror: string;
  readonly tips: readonly string[];
  readonly basename: string;
  readonly signal: AbortSignal;
}

// Run by hand, as simple-git can't write to a command's stdin. One thread: deltas then come out the same each time.
async function packObjects({ mirror, tips, basename, signal }: PackOptions): Promise<void> {
  const args = [
    '-C',
    mirror,
    'pack-objects',
    '--revs',
    '--quiet',
    '--threads=1',
    '--delta-base-offset',
    basename,
  ];
  const child = spawn('git', args, { stdio: ['pipe', 'ignore', 'pipe'], signal });
  child.stdin.on('error', () => {}); // git ended early: its exit code tells
  child.stdin.end(`${tips.join('\n')}\n`);
  const [stderr, code] = await Promise.all([
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    }),
  ]);
  if (code !== 0)
    throw new AssayError('image_build_failed', `git pack-objects in ${mirror} ended with code ${code}`, {
      detail: stderr,
    });
}
