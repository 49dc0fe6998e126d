import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PATH, SAMPLE } from '../sample/sources.js';

/** What one step of a patch does to a tree. */
export type Step = (tree: string) => void;

/** A patch that looks right without being it. */
export interface Cheat {
  readonly name: string;
  /** How it works, in one line. */
  readonly how: string;
  readonly instance: string;
  /** Steps on the base tree, whose difference is the patch; or its text, where git would not write such a one. */
  readonly patch: readonly Step[] | string;
  /** True: the official verdict calls it resolved. */
  readonly foolsOfficial: boolean;
  /** Seconds that its tests get, where it uses them up. */
  readonly seconds?: number;
}

/** A patch that must stay resolved. */
export type Honest = Omit<Cheat, 'foolsOfficial' | 'seconds'> & {
  /** False: nothing in it is worth a further run. */
  readonly further?: boolean;
};

const GIT_ENV = {
  PATH,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a',
};

export const write =
  (path: string, text: string | Uint8Array, mode = 0o644): Step =>
  (tree) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text, { mode });
  };

const edit =
  (path: string, change: (text: string) => string): Step =>
  (tree) => {
    const before = readFileSync(join(tree, path), 'utf8');
    const after = change(before);
    if (after === before) throw new Error(`nothing to change in ${path}`);
    writeFileSync(join(tree, path), after);
  };

export const append = (path: string, text: string): Step => edit(path, (before) => `${before}\n${text}\n`);

export const replace = (path: string, from: string, to: string): Step =>
  edit(path, (before) => before.replace(from, () => to));

export const remove =
  (path: string): Step =>
  (tree) =>
    rmSync(join(tree, path), { recursive: true });

export const link =
  (path: string, target: string): Step =>
  (tree) => {
    rmSync(join(tree, path), { recursive: true, force: true });
    symlinkSync(target, join(tree, path));
  };

/** The unified diff of steps on a repository of the sample benchmark; `work` is a folder that doesn't exist. */
export function diffOf(steps: readonly Step[], repository: string, work: string): string {
  const git = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('git', args, { cwd: work, env: GIT_ENV, encoding: 'utf8' });
    if (status !== 0) throw new Error(`git ${args[0]}: ${stderr}`);
    return stdout;
  };
  cpSync(join(SAMPLE, 'repos', repository), work, {
    recursive: true,
    filter: (source) => !source.endsWith('__pycache__'),
  });
  git('init', '-q');
  git('add', '-Af');
  git('commit', '-qm', 'Base');
  for (const step of steps) step(work);
  git('add', '-Af');
  const diff = git('diff', '--cached', '--binary', '--no-renames');
  rmSync(work, { recursive: true });
  return diff;
}
