import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { environmentFolder, preparedPython, pythonFolder } from '../../plugins/trainer/environment.js';
import { packageRoot } from '../../src/index.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-setup-'));
  await mkdir(join(folder, 'bin'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program on the PATH of the setup, which has no other: no Python or uv of this machine is ever asked. */
async function program(name: string, script: string): Promise<void> {
  const path = join(folder, 'bin', name);
  await writeFile(path, `#!/bin/sh\nPATH=/bin\necho "${name} $*" >> ${folder}/calls\n${script}\n`);
  await chmod(path, 0o755);
}

/** A Python that makes environments of itself, and does what `pip` says when it is to install something. */
const python = (pip: string, version = '3.12') => `
case "$*" in
  *"%d.%d"*) echo ${version} ;;
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  "-m pip "*) ${pip} ;;
  *import*) echo '{"python": "3.12.1", "torch": "2.15.0", "cuda": null, "device": "cpu"}' ;;
esac`;

function setup(...args: string[]): Promise<{ code: number | null; said: string }> {
  const script = join(packageRoot(), 'scripts', 'trainer-setup.mjs');
  const env = { PATH: join(folder, 'bin'), ASSAY_CACHE: join(folder, 'cache') };
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], { env });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('close', (code) => resolve({ code, said }));
  });
}

const calls = async () => (await readFile(join(folder, 'calls'), 'utf8')).trimEnd().split('\n');
const environment = async () =>
  environmentFolder(join(folder, 'cache'), await readFile(join(pythonFolder(), 'requirements.txt')));

describe('npm run trainer:setup', () => {
  test('makes the environment where the trainer looks for it, once', async () => {
    await program('python3', python('exit 0'));
    const first = await setup();
    expect(first).toMatchObject({
      code: 0,
      said: expect.stringContaining('torch 2.15.0, cuda -, device cpu'),
    });
    expect(await preparedPython(join(folder, 'cache'))).toBe(join(await environment(), 'bin', 'python'));
    const before = (await calls()).length;
    expect(await setup()).toMatchObject({ code: 0, said: expect.stringContaining('is ready') });
    expect(await calls()).toHaveLength(before);
  });

  test('adds what the tests need to an environment that is there', async () => {
    await program('python3', python('exit 0'));
    await setup();
    expect(await setup('--test')).toMatchObject({ code: 0 });
    const installs = (await calls()).filter((call) => call.includes('requirements-test.txt'));
    expect(installs).toHaveLength(1);
    expect((await calls()).filter((call) => call.includes('-m venv'))).toHaveLength(1);
  });

  test('two at once make it once', async () => {
    await program('python3', python('sleep 0.2'));
    const both = await Promise.all([setup(), setup()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect((await calls()).filter((call) => call.includes('-m venv'))).toHaveLength(1);
    expect(await readdir(join(folder, 'cache', 'trainer'))).toHaveLength(1);
  });

  test('one that was killed in the middle is made anew', async () => {
    const made = await environment();
    await mkdir(join(made, 'bin'), { recursive: true });
    await writeFile(join(made, 'bin', 'left'), '');
    await mkdir(`${made}.lock`);
    await utimes(`${made}.lock`, 1, 1);
    await program('python3', python('exit 0'));
    expect(await setup()).toMatchObject({ code: 0, said: expect.stringContaining('Taking over') });
    expect(await readdir(join(made, 'bin'))).toEqual(['python']);
  });

  test('installs with uv for this machine, then from the package index, then with pip', async () => {
    const uv = join(folder, 'uv');
    await writeFile(uv, `#!/bin/sh\necho "uv $*" >> ${folder}/calls\nexit 2\n`);
    await chmod(uv, 0o755);
    await program('python3', python(`case "$*" in *uv) cp ${uv} "$(dirname "$0")/uv" ;; esac`));
    expect((await setup()).code).toBe(0);
    const installs = (await calls()).filter(
      (call) => call.includes('install -r') || call.includes('--python'),
    );
    expect(installs).toEqual([
      expect.stringMatching(/^uv pip install --python .* -r .*requirements.txt --torch-backend auto$/),
      expect.stringMatching(/^uv pip install --python .*requirements.txt$/),
      expect.stringMatching(/^python3 -m pip install -r .*requirements.txt$/),
    ]);
  });

  test.each([
    ['no Python', undefined, 'there is none on PATH'],
    ['an old one', python('exit 0', '3.9'), 'python3 is 3.9'],
  ])('says what it needs where there is %s', async (_, script, words) => {
    if (script !== undefined) await program('python3', script);
    const { code, said } = await setup();
    expect(code).toBe(3);
    expect(said).toContain('The trainer needs Python 3.11 or later');
    expect(said).toContain(words);
    await expect(preparedPython(join(folder, 'cache'))).rejects.toMatchObject({ code: 'trainer_missing' });
  });

  test('says what to do where environments can not be made', async () => {
    await program('python3', python('exit 0').replace('mkdir', 'exit 1; mkdir'));
    expect(await setup()).toMatchObject({
      code: 3,
      said: expect.stringContaining('apt-get install python3-venv'),
    });
  });

  test.each([
    [
      'no package index',
      'echo "ERROR: Could not find a version that satisfies the requirement torch"',
      3,
      'PIP_INDEX_URL',
    ],
    ['a full disk', 'echo "OSError: [Errno 28] No space left on device"', 3, 'Free space'],
    ['a failure of another kind', 'echo "error: subprocess-exited-with-error"', 1, 'the reason is above'],
  ])('says what to do with %s', async (_, pip, exit, words) => {
    await program('python3', python(`${pip} >&2; exit 1`));
    const { code, said } = await setup();
    expect(code).toBe(exit);
    expect(said).toContain(words);
    const left = await readdir(join(folder, 'cache', 'trainer'));
    expect(left.filter((name) => name.endsWith('lock'))).toEqual([]);
  });

  test('refuses options that it does not know', async () => {
    expect(await setup('--gpu')).toMatchObject({ code: 2, said: expect.stringContaining('--gpu') });
  });
});
