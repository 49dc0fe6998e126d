import fc from 'fast-check';
import { type ParserSet, parserNames } from '../../benchmarks/parsers/registry.js';
import { profileNamed } from '../../src/cli/registry.js';
import type { GradingProfile } from '../../src/index.js';

export const START = '>>>>> Start Test Output';
export const END = '>>>>> End Test Output';
const MARKERS = [
  ...[START, END, `+ : '${START}'`, `+ : '${END}'`, '>>>>> Test Exit Code: 1', '>>>>> Test Exit Code: 0'],
  ...[
    '>>>>> Patch Apply Failed',
    '>>>>> Reset Failed',
    '>>>>> Tests Errored',
    '>>>>> Tests Timed Out',
    '>>>>>',
  ],
];
/** Lines that the parsers look for, one or more of each kind of runner. */
export const LINES = [
  ...[
    'PASSED test_a.py::test_one',
    'FAILED test_a.py::test_two - assert 1 == 2',
    'ERROR test_a.py::test_three',
  ],
  ...['SKIPPED [1] test_a.py:3: why', 'XFAIL test_a.py::test_four', 'test_a.py::test_one PASSED [ 50%]'],
  ...[
    'test_one (tests.A) ... ok',
    'test_two (tests.A) ... FAIL',
    'FAIL: test_two (tests.A)',
    'ERROR: test_x (a.B)',
  ],
  ...[
    'test_one (tests.A)',
    'A docstring ... ok',
    'test_sub[1-x y] PASSED',
    'PASSED test_p[a - b]',
    'test_s ok',
  ],
  ...[
    'sympy/core/tests/test_a.py:test_one ok',
    'test_basic F',
    '________ a.py:test_two ________',
    'test_e E',
  ],
  ...['ok 1 - adds', 'not ok 2 - subtracts # time=3ms', '# Subtest: adds', '1..2', '    ok 1 - inner'],
  ...[
    '  \u2713 adds (3 ms)',
    '  \u2717 fails',
    '  1) fails',
    ' \u2714 adds',
    'PASS src/a.test.js',
    'FAIL src/b.test.js',
  ],
  ...[
    '--- PASS: TestA (0.00s)',
    '--- FAIL: TestB (0.00s)',
    '=== RUN   TestA',
    'test a::b ... ok',
    'test c ... FAILED',
  ],
  ...[
    '[INFO] Tests run: 3, Failures: 0',
    'Tests: 1 failed, 2 passed',
    'BUILD SUCCESSFUL',
    '[ok] 3 - x',
    'OK (3 tests)',
  ],
  ...[
    '{"status":"passed","title":"a"}',
    '[==========] Running 3 tests',
    '[       OK ] A.b (0 ms)',
    '[  FAILED  ] A.c',
  ],
  ...[
    'Traceback (most recent call last):',
    '  File "a.py", line 3, in f',
    'E   assert 1',
    '=== 1 failed in 0.1s ===',
  ],
  ...[
    'Killed',
    'No space left on device',
    '\x1b[32mPASSED\x1b[0m test_c',
    '::test',
    'PASSED',
    'FAILED  - x',
    '[100%]',
  ],
];
const line = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...LINES) },
  { weight: 3, arbitrary: fc.constantFrom(...MARKERS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...LINES, ...MARKERS, ' ', '[', '\x1b[', '.'), fc.constantFrom(50, 2000))
      .map(([text, times]) => text.repeat(times)),
  },
);
const end = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r', '\n\n', '\u2028', '\0');
/** Logs made of what parsers look for. */
export const log = fc.oneof(
  fc.array(fc.tuple(line, end), { maxLength: 30 }).map((parts) => parts.flat().join('')),
  // A whole log, whose damage comes after.
  fc
    .array(line, { minLength: 1, maxLength: 20 })
    .map((lines) => [`+ : '${START}'`, ...lines, `+ : '${END}'`, MARKERS[4], ''].join('\n')),
);

const SETS: readonly (readonly [GradingProfile, ParserSet])[] = [
  [profileNamed('v5'), 'swe-bench-5'],
  [profileNamed('v4.1'), 'swe-bench-4'],
  [profileNamed('rebench-v1'), 'swe-bench-4'],
  [profileNamed('rebench-v2'), 'swe-rebench-2'],
];
/** Every profile with every parser that it knows. */
export const PAIRS = SETS.flatMap(([profile, set]) =>
  parserNames(set).map((logParser) => ({ profile, logParser })),
);
