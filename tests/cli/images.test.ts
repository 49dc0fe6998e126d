import { describe, expect, test } from '@jest/globals';
import { parseRate } from '../../src/cli/flags.js';
import { neededImages } from '../../src/cli/images-resolve.js';
import { table } from '../../src/cli/images-shared.js';
import type { Job } from '../../src/run-instance.js';
import { showBytes } from '../../src/util/words.js';
import { testSpec } from '../helpers/jobs.js';

describe('the rate of pulls', () => {
  test.each([
    ['100/6h', { count: 100, seconds: 21_600 }],
    ['5/90', { count: 5, seconds: 90 }],
    ['0', undefined],
  ])('%s', (text, rate) => {
    expect(parseRate(text)).toEqual(rate);
  });

  test.each(['', '100', '0/6h', '1.5/6h', 'x/6h', '100/x'])('%j is refused with an example', (text) => {
    expect(() => parseRate(text)).toThrow(/--rate .*expected/);
  });
});

test('images are needed until the last attempt of their instance has its verdict', () => {
  const job = (id: string, attempt: number) =>
    ({ spec: testSpec(id, { images: [`assay.eval.${id}:latest`] }), prediction: { attempt } }) as Job;
  const jobs = [job('a', 1), job('a', 2), job('b', 1), job('c', 1)];
  const needed = neededImages(jobs, [{ instanceId: 'c', attempt: 1 }]);
  expect([...needed.names()]).toEqual(['assay.eval.a:latest', 'assay.eval.b:latest']);
  needed.finish({ instanceId: 'a', attempt: 2 });
  expect([...needed.names()]).toContain('assay.eval.a:latest');
  needed.finish({ instanceId: 'a', attempt: 1 });
  expect([...needed.names()]).toEqual(['assay.eval.b:latest']);
});

describe('tables', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1536, '1.50 KiB'],
    [5.5 * 1024 ** 3, '5.50 GiB'],
    [1010 * 1024 ** 2, '0.986 GiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(showBytes(bytes)).toBe(text);
  });

  test('columns of numbers and sizes end at the right', () => {
    expect(
      table(
        ['NAME', 'COUNT', 'SIZE'],
        [
          ['a', '1', '20 B'],
          ['bbbbb', '100', '1.50 KiB'],
        ],
      ),
    ).toBe('NAME   COUNT      SIZE\na          1      20 B\nbbbbb    100  1.50 KiB');
  });
});
