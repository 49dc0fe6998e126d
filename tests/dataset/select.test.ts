import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Selection, selectInstances } from '../../src/dataset/select.js';
import { AssayError } from '../../src/errors.js';
import type { Instance } from '../../src/model/instance.js';

const instance = (n: number): Instance => ({
  schemaVersion: 1,
  instanceId: `demo__adder-${n}`,
  repo: n % 2 === 0 ? 'demo/even' : 'demo/odd',
  baseCommit: 'c',
  createdAt: n === 7 ? undefined : `2025-0${1 + (n % 6)}-15T00:00:00.000Z`,
  language: 'python',
  problemStatement: '',
  patch: '',
  testPatch: '',
  failToPass: [],
  passToPass: [],
  rowFormat: 'swe-bench-2026',
  rowHash: '',
});
const all = Array.from({ length: 12 }, (_, n) => instance(n));
const pick = async (selection: Selection, from = all) =>
  (await selectInstances(from, selection)).map(({ instanceId }) => Number(instanceId.split('-')[1]));
const failure = (selection: Selection) =>
  pick(selection).then(
    () => 'no error',
    (error: unknown) => (error instanceof AssayError ? `${error.code}: ${error.message}` : String(error)),
  );

describe('selection', () => {
  test.each<[Selection, number[]]>([
    [{}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    [{ ids: ['demo__adder-3', 'demo__adder-1', 'demo__adder-3'] }, [1, 3]],
    [{ filter: '-1\\d?$' }, [1, 10, 11]],
    [{ repos: ['Demo/Even'] }, [0, 2, 4, 6, 8, 10]],
    [{ since: '2025-05' }, [4, 5, 10, 11]],
    [{ since: '2025-02-15', until: '2025-03-15T00:00:00Z' }, [1]],
    [{ until: '2025-01-15 00:00:01' }, [0, 6]],
    [{ month: '2025-05' }, [4, 10]],
    [{ month: '2025_05' }, [4, 10]],
    [{ slice: '2:4' }, [2, 3]],
    [{ slice: '-2:' }, [10, 11]],
    [{ slice: ':-10' }, [0, 1]],
    [{ slice: '20:30' }, []],
    [{ limit: 2 }, [0, 1]],
    [{ repos: ['demo/even'], slice: '1:', limit: 2 }, [2, 4]],
  ])('%j', async (selection, expected) => {
    expect(await pick(selection)).toEqual(expected);
  });

  test('takes ids from a file, with comments and blank lines', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'assay-ids-'));
    const idFile = join(folder, 'ids.txt');
    await writeFile(idFile, '# mine\r\ndemo__adder-2\r\n\n demo__adder-4 \n');
    expect(await pick({ idFile, ids: ['demo__adder-9'] })).toEqual([2, 4, 9]);
    await rm(folder, { recursive: true });
    expect(await failure({ idFile })).toMatch(/^usage: --id-file .*ENOENT/);
  });

  test('shuffles by seed, whatever the order of rows', async () => {
    const first = await pick({ shuffleSeed: 1 });
    expect(first.toSorted((a, b) => a - b)).toEqual(await pick({}));
    expect(first).not.toEqual(await pick({}));
    expect(await pick({ shuffleSeed: 1 }, all.toReversed())).toEqual(first);
    expect(await pick({ shuffleSeed: 2 })).not.toEqual(first);
    expect(await pick({ shuffleSeed: 1, limit: 3 })).toEqual(first.slice(0, 3));
  });

  test('unknown ids are listed with near matches', async () => {
    expect(await failure({ ids: ['demo__addr-3', 'demo__adder-3', 'nothing'] })).toBe(
      'usage: not in the dataset: demo__addr-3 (did you mean demo__adder-3 or demo__adder-0 or demo__adder-1?), nothing',
    );
  });

  test.each<[Selection, string]>([
    [{ filter: '(' }, '--filter: Invalid regular expression'],
    [{ since: 'May' }, '--since May: expected a date'],
    [{ until: '2025-13-01' }, '--until 2025-13-01: expected a date'],
    [{ month: '2025-5' }, '--month 2025-5: expected a month'],
    [{ slice: '1' }, '--slice 1: expected a:b'],
    [{ slice: '1:2:3' }, '--slice 1:2:3: expected a:b'],
    [{ limit: 0 }, '--limit 0: expected a whole number from 1'],
    [{ limit: Number.NaN }, '--limit NaN: expected a whole number from 1'],
    [{ shuffleSeed: 1.5 }, '--shuffle 1.5: expected a whole number'],
  ])('%j is a usage error', async (selection, expected) => {
    expect(await failure(selection)).toContain(`usage: ${expected}`);
  });
});
