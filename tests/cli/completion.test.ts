import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { commands } from '../../src/cli/commands.js';
import { complete } from '../../src/cli/complete.js';
import { packageRoot } from '../../src/util/package.js';

let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-complete-'));
  for (const name of ['a', 'b', '$(touch owned)', 'two words']) {
    await mkdir(join(work, 'runs', name, 'i', 'x__y-1'), { recursive: true });
    await writeFile(join(work, 'runs', name, 'run.json'), '{}');
  }
  await mkdir(join(work, 'runs', 'a', 'i', 'x__y-2'));
  await mkdir(join(work, 'runs', 'notes'));
  const main = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');
  await mkdir(join(work, 'bin'));
  await writeFile(join(work, 'bin', 'assay'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, {
    mode: 0o755,
  });
});
afterAll(() => rm(work, { recursive: true, force: true }));

const next = (...words: string[]) => complete(words, commands, { cwd: work });

describe('what may stand next', () => {
  test('is a command, then an action', async () => {
    expect(await next('re')).toEqual(['regrade', 'report', 'retry']);
    expect(await next('images', 'pu')).toEqual(['pull', 'push']);
    expect(await next('config', 'show', 'images', 'pl')).toEqual(['plan']);
  });

  test('is a flag, or what it can be', async () => {
    expect(await next('eval', '--net')).toEqual(['--network']);
    expect(await next('run', '--no-s')).toEqual(['--no-strict']);
    expect(await next('eval', '--network', '')).toEqual(['auto', 'off', 'on']);
    expect(await next('shell', 'x', '-d', 'sam')).toEqual(['sample']);
    expect(await next('eval', 'sample', '--output', '')).toEqual([]);
  });

  test('is a dataset, a run, an instance of that run, or a shell', async () => {
    expect(await next('eval', 'verif')).toEqual(['verified']);
    expect(await next('eval', '--gold', '-j', '4', 'verif')).toEqual(['verified']);
    expect(await next('show', '')).toEqual(['runs/a', 'runs/b']);
    expect(await next('merge', 'runs/a', 'runs/')).toEqual(['runs/a', 'runs/b']);
    expect(await next('report', join(work, 'runs/'))).toEqual([join(work, 'runs/a'), join(work, 'runs/b')]);
    expect(await next('runs', 'show', 'runs/a', '')).toEqual(['x__y-1', 'x__y-2']);
    expect(await next('completion', '')).toEqual(['bash', 'fish', 'zsh']);
  });

  test('is nothing for words that mean nothing', async () => {
    for (const words of [
      ['nonesuch', ''],
      ['images', 'nonesuch', ''],
      ['show', 'runs/nowhere', ''],
      ['gc', ''],
    ])
      expect(await next(...words)).toEqual([]);
  });
});

/** A shell that has read the script, and then what it completes. */
const SHELLS: readonly (readonly [string, string])[] = [
  [
    'bash',
    `source <(assay completion bash); COMP_WORDS=(assay show runs/a ""); COMP_CWORD=3; _assay assay; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  [
    'zsh',
    'compdef() { : }; compadd() { shift; print -l -- "$@" }; source <(assay completion zsh); words=(assay show runs/a ""); CURRENT=4; _assay',
  ],
  ['fish', 'assay completion fish | source; complete -C "assay show runs/a x__"'],
];

describe.each(SHELLS)('%s', (shell, script) => {
  const isInstalled = spawnSync(shell, ['-c', 'true']).status === 0;
  (isInstalled ? test : test.skip)(
    `completes instance ids${isInstalled ? '' : ` (skipped: there is no ${shell} here)`}`,
    () => {
      const env = { PATH: `${join(work, 'bin')}:${process.env['PATH']}`, HOME: work };
      const out = execFileSync(shell, ['-c', script], { cwd: work, env, encoding: 'utf8' });
      expect(out.trim().split('\n')).toEqual(['x__y-1', 'x__y-2']);
    },
  );
});
