import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hostPath, mapPaths } from '../../../src/engine/local/paths.js';

const ROOT = '/cache/w/1/root';
const KNOWN = ['/testbed', '/home/assay', '/tmp/patch.diff', '/eval.sh'];

describe('the mapping of sandbox paths to host paths', () => {
  test.each([
    ['/testbed', `${ROOT}/testbed`],
    ['/testbed/lib/a.js', `${ROOT}/testbed/lib/a.js`],
    ['/eval.sh', `${ROOT}/eval.sh`],
    ['git apply -v /tmp/patch.diff', `git apply -v ${ROOT}/tmp/patch.diff`],
    ['patch --batch --fuzz=5 -p1 -i /tmp/patch.diff', `patch --batch --fuzz=5 -p1 -i ${ROOT}/tmp/patch.diff`],
    ['--prefix=/testbed', `--prefix=${ROOT}/testbed`],
    ['cd /testbed && ls "/testbed"', `cd ${ROOT}/testbed && ls "${ROOT}/testbed"`],
    ['a:/testbed/bin:/home/assay/bin', `a:${ROOT}/testbed/bin:${ROOT}/home/assay/bin`],
  ])('maps known paths: %s', (text, mapped) => {
    expect(mapPaths(text, ROOT, KNOWN)).toBe(mapped);
  });

  test.each([
    '/testbed2',
    '/testbed.old',
    '/other/testbed',
    '/bin/bash',
    '/tmp',
    '/tmp/other',
    'testbed',
    './testbed',
  ])('leaves other paths alone: %s', (text) => {
    expect(mapPaths(text, ROOT, KNOWN)).toBe(text);
  });

  test('quotes a path with a space inside a shell command, and leaves a lone path as it is', () => {
    expect(mapPaths('cat /eval.sh', "/Jo's dir", KNOWN)).toBe(`cat '/Jo'\\''s dir/eval.sh'`);
    expect(mapPaths('/eval.sh', '/Jo dir', KNOWN)).toBe('/Jo dir/eval.sh');
  });

  test('never changes a text without a known path', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!KNOWN.some((path) => text.includes(path)));
        expect(mapPaths(text, ROOT, KNOWN)).toBe(text);
      }),
    );
  });

  test('gives a host path below the root, or an error, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\/[a./\\]*$/)), (path) => {
        try {
          expect(`${hostPath(ROOT, path)}/`.startsWith(`${ROOT}/`)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'engine_failed' });
        }
      }),
    );
  });
});
