import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs git in a folder with a fixed identity and time; returns its trimmed output. */
export function git(dir: string, ...args: string[]): string {
  return gitAt('2021-02-03T04:05:06Z', dir, ...args);
}

/** Like `git`, at another time. */
export function gitAt(time: string, dir: string, ...args: string[]): string {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'init.defaultBranch=main'];
  const env = { ...process.env, GIT_AUTHOR_DATE: time, GIT_COMMITTER_DATE: time };
  return execFileSync('git', ['-C', dir, ...who, ...args], { env, encoding: 'utf8', stdio: 'pipe' }).trim();
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

/**
 * A repository whose base commit has a past of many commits (of 2100: two history layers and something after them), with files that come, change, move between file and folder and go, and a later
 * commit on top.
 */
export function longRepository(commits = 2100): { readonly dir: string; readonly base: string } {
  const dir = mkdtempSync(join(tmpdir(), 'assay-repo-'));
  git(dir, 'init', '-q');
  const lines: string[] = [];
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}`;
  for (let i = 1; i <= commits; i++) {
    const who = `Author <author${i % 7}@example.org> ${1_500_000_000 + i * 600} +0000`;
    lines.push('commit refs/heads/main', `author ${who}`, `committer ${who}`, data(`change ${i}`));
    const write = (path: string, text: string, mode = '100644') =>
      lines.push(`M ${mode} inline ${path}`, data(text));
    if (i === 1) {
      write('README.md', 'read me\n');
      write('tool.sh', 'echo tool\n', '100755');
      write('link', 'README.md', '120000');
      write('turns/into/file', 'folder\n');
      write('becomes', 'a file\n');
      write('old/one', '1\n');
      write('old/two', '2\n');
      write('docs/größe.txt', 'groß\n');
      write('setup.cfg', '[metadata]\nname = project\n');
    }
    // Between the first and the second history layer, and after the second one.
    if (i === Math.floor(commits * 0.7)) {
      lines.push('D old', 'D turns', 'D becomes');
      write('turns', 'file\n');
      write('becomes/a/folder', 'deep\n');
    }
    if (i === commits - 20) {
      lines.push('D turns', 'D docs/größe.txt');
      write('turns/back', 'folder again\n');
      write('tool.sh', 'echo tool\n');
    }
    write('counter.txt', `count ${i}\nand ${i % 50}\n`);
    write(`src/part${i % 40}.py`, `VALUE = ${i}\n`.repeat((i % 9) + 1));
  }
  execFileSync('git', ['-C', dir, 'fast-import', '--quiet'], { input: `${lines.join('\n')}\n` });
  git(dir, 'tag', 'old-release', `main~${commits - 200}`);
  git(dir, 'reset', '-q', '--hard', 'main');
  const base = git(dir, 'rev-parse', 'HEAD');
  writeFileSync(join(dir, 'counter.txt'), 'the future\n');
  git(dir, 'commit', '-q', '-a', '-m', 'later');
  return { dir, base };
}
