import { expect, test } from '@jest/globals';
import { parseNodeTap } from '../../benchmarks/parsers/node-tap.js';
import { parseUnittest } from '../../benchmarks/parsers/unittest.js';

/** node 20 writes no `type:` lines, 22 and 24 do. */
const tap = (type: string) => `TAP version 13
# hello
# ok 1 - printed by a test
# Subtest: parse
    # Subtest: keeps \\# and \\\\
    ok 1 - keeps \\# and \\\\
      ---
      duration_ms: 0.9${type}
      ...
    # Subtest: fails
    not ok 2 - fails
      ---
      duration_ms: 1.7${type}
      error: |-
        ok 1 - in a message
      ...
    # Subtest: later
    ok 3 - later # TODO
    # Subtest: never
    ok 4 - never # SKIP no time
    # Subtest: inner
        # Subtest: deep
        ok 1 - deep
        1..1
    ok 5 - inner
    1..5
not ok 1 - parse
# Subtest: top
ok 2 - top
# Subtest: tests/broken.test.js
not ok 3 - tests/broken.test.js
1..3
# tests 7
`;

test('results of node:test are named by their path, the same for every version of node', () => {
  for (const type of ['', "\n      type: 'test'"])
    expect([...parseNodeTap(tap(type))]).toEqual([
      ['parse > keeps # and \\', 'PASSED'],
      ['parse > fails', 'FAILED'],
      ['parse > later', 'SKIPPED'],
      ['parse > never', 'SKIPPED'],
      ['parse > inner > deep', 'PASSED'],
      ['top', 'PASSED'],
      ['tests/broken.test.js', 'FAILED'],
    ]);
});

const PYTHON_3_10 = `test_bad (tests.test_a.A) ... FAIL
test_doc (tests.test_a.A)
A docstring. ... ok
test_ok (tests.test_a.A) ... noise
ok
test_skip (tests.test_a.A) ... skipped 'why'
test_sub (tests.test_a.A) ... test_xf (tests.test_a.A) ... expected failure
test_xp (tests.test_a.A) ... unexpected success
ERROR

======================================================================
ERROR: setUpClass (tests.test_a.B)
----------------------------------------------------------------------
OSError: x

======================================================================
FAIL: test_sub (tests.test_a.A) (i=1)
`;
const PYTHON_3_13 = PYTHON_3_10.replace(/(test_\w+) \((tests\.test_a\.\w)\)/g, '$1 ($2.$1)').replace(
  '... test_xf',
  '... \n  test_sub (tests.test_a.A.test_sub) (i=1) ... FAIL\ntest_xf',
);

test('results of unittest have the same names for every version of Python', () => {
  for (const log of [PYTHON_3_10, PYTHON_3_13])
    expect(Object.fromEntries(parseUnittest(log))).toEqual({
      'tests.test_a.A.test_bad': 'FAILED',
      'tests.test_a.A.test_doc': 'PASSED',
      'tests.test_a.A.test_ok': 'PASSED',
      'tests.test_a.A.test_skip': 'SKIPPED',
      'tests.test_a.A.test_sub': 'FAILED',
      'tests.test_a.A.test_xf': 'XFAIL',
      'tests.test_a.A.test_xp': 'FAILED',
      'tests.test_a.B.setUpClass': 'ERROR',
    });
});

test('text that is no test log has no results', () => {
  for (const text of ['', '\n\n', 'ok', 'not ok', '    ok 1 -', 'FAIL: ', ' ... ok', 'ok 1 - \\']) {
    expect(parseUnittest(text).size).toBe(0);
    expect(() => parseNodeTap(text)).not.toThrow();
  }
});
