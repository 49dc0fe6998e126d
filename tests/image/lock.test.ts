import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { lockOf, pinOf } from '../../src/image/environment.js';
import { LABEL } from '../../src/image/labels.js';
import { type EnvironmentLock, parseLock, readLock, writeLock } from '../../src/image/lock.js';

const dir = mkdtempSync(join(tmpdir(), 'assay-locks-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const KEY = 'c0ffee'.repeat(11).slice(0, 64);
const LOCK: EnvironmentLock = {
  schemaVersion: 1,
  python: '3.9.18',
  systemPackages: ['graphviz=2.42.2-7'],
  pythonPackages: ['pip==24.2', 'pytest==7.4.0'],
  wheels: ['setuptools-68.0.0-py3-none-any.whl'],
};

describe('the lock of an environment', () => {
  test('is read as it was written, from a file named by the key', async () => {
    expect(await readLock(dir, KEY)).toBeUndefined();
    await writeLock(dir, KEY, LOCK);
    expect(readdirSync(dir)).toEqual([`${KEY.slice(0, 16)}.json`]);
    expect(await readLock(dir, KEY)).toEqual(LOCK);
  });

  test('has one line for each package, so that a change shows in a diff', async () => {
    await writeLock(dir, KEY, LOCK);
    const text = readFileSync(join(dir, `${KEY.slice(0, 16)}.json`), 'utf8');
    expect(text.split('\n')).toContain('  "pytest==7.4.0"');
    expect(text.endsWith('}\n')).toBe(true);
  });

  test.each([
    ['is no JSON', '{"schemaVersion": 1', /not JSON/],
    ['is of another version', JSON.stringify({ ...LOCK, schemaVersion: 2 }), /schemaVersion/],
    ['lacks a list', JSON.stringify({ ...LOCK, wheels: undefined }), /wheels/],
    ['has a package that is no text', JSON.stringify({ ...LOCK, pythonPackages: [1] }), /pythonPackages/],
    ['is a list', '[]', /object/],
    ['is empty', '', /not JSON/],
  ])('that %s is named with its file', async (_, text, fault) => {
    const path = join(dir, `${KEY.slice(0, 16)}.json`);
    writeFileSync(path, text);
    await expect(readLock(dir, KEY)).rejects.toMatchObject({
      code: 'bad_lock',
      message: expect.stringMatching(fault),
    });
    await expect(readLock(dir, KEY)).rejects.toMatchObject({ message: expect.stringContaining(path) });
    expect(parseLock(text)).toMatch(fault);
  });

  test('is found in the labels of an image, and only there where it is one', () => {
    expect(lockOf({ [LABEL.lock]: JSON.stringify(LOCK) })).toEqual(LOCK);
    expect(lockOf({ [LABEL.lock]: '{}' })).toBeUndefined();
    expect(lockOf({})).toBeUndefined();
  });
});

test.each([
  ['setuptools-68.0.0-py3-none-any.whl', 'setuptools==68.0.0'],
  ['flit_core-3.9.0-py3-none-any.whl', 'flit_core==3.9.0'],
  ['numpy-1.21.6-1-cp39-cp39-manylinux_2_17_x86_64.whl', 'numpy==1.21.6'],
  ['torch-2.0.0+cpu-cp39-cp39-linux_x86_64.whl', 'torch==2.0.0+cpu'],
])('the wheel %s pins %s', (wheel, pin) => {
  expect(pinOf(wheel)).toBe(pin);
});
