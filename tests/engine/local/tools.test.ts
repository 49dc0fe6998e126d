import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findTools, which } from '../../../src/engine/local/tools.js';
import { PATH } from './sandbox-helpers.js';

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'assay-tools-')));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function program(path: string, script: string): Promise<string> {
  const file = join(home, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}
const find = (path: string) => findTools({ path, home, execPath: process.execPath });

test('a shim is asked where the real program lives, and that folder comes first on PATH', async () => {
  const real = await program('versions/3.12/bin/python3', '');
  const prefix = join(home, 'versions/3.12');
  await program('shims/python3', `echo ${real}; echo ${prefix}; echo ${prefix}`);
  const tools = await find(`${home}/shims:/usr/bin:/bin`);
  expect(tools.path.split(':')).toEqual([join(prefix, 'bin'), '/usr/bin', '/bin']);
  expect(tools.prefixes).toContain(prefix);
});

test('a home folder is never shown whole, though a program lies in its bin', async () => {
  await program('bin/python3', `echo ${home}/bin/python3; echo ${home}; echo ${home}`);
  const { prefixes } = await find(`${home}/bin:/usr/bin:/bin`);
  expect(prefixes).toContain(join(home, 'bin/python3'));
  expect(prefixes).not.toContain(home);
});

test('a virtual environment is shown together with the installation it is made from', async () => {
  const base = await program('base/bin/python3', '');
  await mkdir(join(home, 'venv/bin'), { recursive: true });
  await symlink(base, join(home, 'venv/bin/python'));
  await program('venv/bin/python3', `echo ${home}/venv/bin/python; echo ${home}/venv; echo ${home}/base`);
  const tools = await find(`${home}/venv/bin:/usr/bin:/bin`);
  expect(tools.prefixes).toEqual(expect.arrayContaining([join(home, 'venv'), join(home, 'base')]));
});

test('a python that does not run is left out, and so are relative entries of PATH', async () => {
  await program('bad/python3', 'exit 1');
  const tools = await find(`bin:${home}/bad:/usr/bin:/bin`);
  expect(tools.prefixes.some((prefix) => prefix.startsWith(home))).toBe(false);
  expect(tools.path).not.toContain(home);
  expect(await which('sh', 'bin:.')).toBeUndefined();
});

test('bash and git are needed', async () => {
  await expect(find(home)).rejects.toMatchObject({ code: 'engine_unavailable' });
  expect((await find(PATH)).names).toEqual(expect.arrayContaining(['bash', 'git', 'node']));
});
