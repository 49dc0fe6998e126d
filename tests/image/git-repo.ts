import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs git in a folder with a fixed identity and time; returns its trimmed output. */
export function git(dir: string, ...args: string[]): string {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'init.defaultBranch=main'];
  const env = {
    ...process.env,
    GIT_AUTHOR_DATE: '2021-02-03T04:05:06Z',
    GIT_COMMITTER_DATE: '2021-02-03T04:05:06Z',
  };
  return execFileSync('git', ['-C', dir, ...who, ...args], { env, encoding: 'utf8' }).trim();
}

/** A repository with a past, a base commit, and a future that holds the words SECRET FIX in every way git can keep them. */
export function repositoryWithFuture(): { readonly dir: string; readonly base: string } {
  const dir = mkdtempSync(join(tmpdir(), 'assay-repo-'));
  const commit = (text: string) => {
    writeFileSync(join(dir, 'a.txt'), `${text}\n`);
    git(dir, 'add', '-A');
    git(dir, 'commit', '-q', '-m', text);
  };
  git(dir, 'init', '-q');
  commit('first');
  git(dir, 'tag', '-a', 'v1', '-m', 'release one');
  writeFileSync(join(dir, 'pyproject.toml'), '[build-system]\nrequires = ["flit_core>=3"]\n');
  commit('base');
  const base = git(dir, 'rev-parse', 'HEAD');
  git(dir, 'checkout', '-q', '-b', 'side', 'v1');
  commit('SECRET FIX on another branch');
  git(dir, 'tag', 'v1.1');
  git(dir, 'checkout', '-q', 'main');
  commit('SECRET FIX');
  git(dir, 'tag', '-a', 'v2', '-m', 'SECRET FIX is out');
  return { dir, base };
}
