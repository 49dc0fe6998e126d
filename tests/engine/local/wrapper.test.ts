import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { wrapperArgv } from '../../../src/engine/local/wrapper.js';
import { PATH, processesWith, until } from './sandbox-helpers.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-wrapper-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function wrapped(...argv: string[]) {
  const output = join(folder, 'output');
  const options = {
    bash: '/bin/bash',
    marker: 'assay-sandbox-test',
    output,
    groups: 0,
    hasStdin: false,
    leash: true,
    argv,
  };
  const [file = '', ...args] = wrapperArgv(options);
  const child = spawn(file, args, { detached: true, env: { PATH }, stdio: ['pipe', 'ignore', 'pipe'] });
  let status = '';
  child.stderr.on('data', (chunk) => {
    status += chunk;
  });
  return { child, status: () => status, output: () => readFile(output, 'utf8') };
}

test('the wrapper says when the command starts and ends, then waits for us', async () => {
  const { child, status, output } = wrapped('/bin/bash', '-c', 'echo out; echo err >&2; kill -SEGV $$');
  expect(await until(async () => status() === 'se')).toBe(true);
  expect(child.exitCode).toBeNull();
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([139, null]);
  expect(await output()).toBe('out\nerr\n');
});

test('the command is killed when the process that started it is gone', async () => {
  const { child, status } = wrapped('/bin/bash', '-c', 'sleep 81.25 & sleep 81.25');
  await until(async () => (await processesWith('81.25')).length >= 2);
  child.stdin.destroy();
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  expect(await until(async () => (await processesWith('81.25')).length === 0)).toBe(true);
  expect(status()).toBe('s');
});

test('a command whose name looks like an option is not one', async () => {
  const { child, status, output } = wrapped('-c', 'x');
  await until(async () => status() === 'se');
  child.stdin.end();
  expect((await once(child, 'exit'))[0]).toBe(127);
  expect(await output()).toContain('not found');
});
