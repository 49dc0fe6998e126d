import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { v4_1, v5 } from '../../benchmarks/swe-bench/profiles.js';
import { rebenchV1, rebenchV2 } from '../../benchmarks/swe-rebench/profiles.js';
import type { GradeTarget, GradingProfile } from '../../src/index.js';
import { cpuSeconds } from '../helpers/cpu.js';

const PROFILES = [v5, v4_1, rebenchV1, rebenchV2] as const;

function target(changes: Partial<GradeTarget> = {}): GradeTarget {
  return {
    instanceId: 'owner__repo-1',
    failToPass: ['new'],
    passToPass: ['old'],
    logParser: 'parse_log_pytest',
    evalType: 'pass_and_fail',
    ...changes,
  };
}

/** A log as bash with `set -x` prints it. */
function log(results: string, exitCode?: number): string {
  const code = exitCode === undefined ? '' : `>>>>> Test Exit Code: ${exitCode}\n`;
  return `+ pytest\n+ : '>>>>> Start Test Output'\n${results}\n+ : '>>>>> End Test Output'\n${code}+ git checkout\n`;
}

const ALL_PASS = 'PASSED new\nPASSED old';

describe('the section between the markers', () => {
  test.each(PROFILES)('passing expected tests resolve the instance under $name', (profile) => {
    expect(profile.grade(log(ALL_PASS), target())).toEqual({
      found: true,
      resolved: true,
      resolution: 'FULL',
      tests: {
        FAIL_TO_PASS: { success: ['new'], failure: [] },
        PASS_TO_PASS: { success: ['old'], failure: [] },
      },
    });
  });

  test('results outside of it do not count', () => {
    expect(
      v5.grade(`PASSED new\n${log('PASSED old')}PASSED new\n`, target()).tests?.FAIL_TO_PASS.failure,
    ).toEqual(['new']);
  });

  test('a second start marker ends it, as splitting at the marker does', () => {
    const twice = log(`PASSED new\n>>>>> Start Test Output\nPASSED old`);
    expect(v5.grade(twice, target()).tests?.PASS_TO_PASS.failure).toEqual(['old']);
  });

  test('an end marker before the start marker is enough of an end', () => {
    const text = `>>>>> End Test Output\n>>>>> Start Test Output\n${ALL_PASS}\n`;
    expect(v5.grade(text, target()).resolved).toBe(true);
  });

  test.each(['Start', 'End'])('without a %s marker nothing is found', (kind) => {
    const text = log(ALL_PASS).replace(`>>>>> ${kind} Test Output`, '');
    expect(v5.grade(text, target())).toMatchObject({
      found: false,
      notFoundReason: 'markers_missing',
      resolved: false,
    });
  });

  test('a section without results falls back to the whole log, but not in SWE-rebench V1', () => {
    const text = `${log('')}${ALL_PASS}\n`;
    expect(v5.grade(text, target()).resolved).toBe(true);
    expect(v4_1.grade(text, target()).resolved).toBe(true);
    expect(rebenchV1.grade(text, target()).resolved).toBe(false);
  });

  test.each([
    ['>>>>> Patch Apply Failed', 'apply_failed'],
    ['>>>>> Reset Failed', 'reset_failed'],
    ['>>>>> Tests Errored', 'tests_errored'],
    ['>>>>> Tests Timed Out', 'tests_timed_out'],
  ])('%s anywhere in the log means not found', (text, reason) => {
    for (const profile of [v5, v4_1, rebenchV1]) {
      expect(profile.grade(`${log(ALL_PASS)}x${text}`, target())).toMatchObject({
        found: false,
        notFoundReason: reason,
      });
    }
  });

  test('carriage returns are line ends', () => {
    expect(v5.grade(log('PASSED new\rPASSED old\r\n'), target()).resolved).toBe(true);
  });
});

describe('a run without any result', () => {
  test('is not found under v5 unless something says that the suite ran', () => {
    expect(v5.grade(log('collected 0 items'), target())).toMatchObject({
      found: false,
      notFoundReason: 'no_results',
      infra: { reason: 'no_tests_collected', tier: 'ambiguous' },
    });
    expect(v5.grade(log('12 passing'), target()).found).toBe(true);
    expect(v5.grade(log('0 passing\nExecuted 0 of 0'), target()).found).toBe(false);
  });

  test('is graded under v4.1', () => {
    expect(v4_1.grade(log(''), target())).toMatchObject({ found: true, resolved: false, resolution: 'NO' });
  });

  test('names the environment where a signature of it is in the log', () => {
    expect(v5.grade(log('Could not resolve host: pypi.org'), target()).infra).toEqual({
      reason: 'network_unreachable',
      tier: 'environment',
    });
  });
});

describe('the exit code of the tests', () => {
  test('that contradicts a log without failures makes it not found under v5', () => {
    expect(v5.grade(log(ALL_PASS, 1), target())).toMatchObject({
      found: false,
      notFoundReason: 'exit_code_contradicts',
    });
    expect(v5.grade(log(ALL_PASS, 0), target()).resolved).toBe(true);
    expect(v4_1.grade(log(ALL_PASS, 1), target()).resolved).toBe(true);
  });

  test('may be non-zero beside a failure of any test', () => {
    expect(v5.grade(log(`${ALL_PASS}\nFAILED other`, 1), target()).resolved).toBe(true);
  });

  test('is the first one that the log holds', () => {
    expect(v5.grade(`>>>>> Test Exit Code: 2\n${log(ALL_PASS, 0)}`, target()).found).toBe(false);
  });
});

describe('the lists', () => {
  const graded = (profile: GradingProfile, results: string, changes?: Partial<GradeTarget>) =>
    profile.grade(log(`${results}\nFAILED other`), target(changes));

  test('a skipped test fails FAIL_TO_PASS and keeps PASS_TO_PASS under v5', () => {
    expect(graded(v5, 'SKIPPED new\nSKIPPED old').tests).toEqual({
      FAIL_TO_PASS: { success: [], failure: ['new'] },
      PASS_TO_PASS: { success: ['old'], failure: [] },
    });
  });

  test('a skipped test is in no list under v4.1, so that skipping everything resolves', () => {
    const grading = graded(v4_1, 'SKIPPED new\nSKIPPED old');
    expect(grading.resolved).toBe(true);
    expect(grading.tests?.FAIL_TO_PASS).toEqual({ success: [], failure: [] });
  });

  test('an expected failure counts as passed, but not in SWE-rebench V2', () => {
    for (const profile of [v5, v4_1, rebenchV1])
      expect(graded(profile, 'XFAIL new\nXFAIL old').resolved).toBe(true);
    expect(rebenchV2.grade('XFAIL new\nXFAIL old', target()).found).toBe(false);
    expect(rebenchV2.grade('SKIPPED new\nPASSED old', target()).tests?.FAIL_TO_PASS.failure).toEqual(['new']);
  });

  test('a missing test is a failure', () => {
    for (const profile of PROFILES)
      expect(graded(profile, 'PASSED old').tests?.FAIL_TO_PASS.failure).toEqual(['new']);
  });

  test('some of FAIL_TO_PASS with all of PASS_TO_PASS is PARTIAL and not resolved', () => {
    const two = { failToPass: ['new', 'newer'] };
    expect(graded(v5, ALL_PASS, two)).toMatchObject({ resolution: 'PARTIAL', resolved: false });
    expect(graded(v5, 'PASSED new', two).resolution).toBe('NO');
  });

  test('fail_only wants a test only not to be seen failing', () => {
    const grading = graded(v5, 'FAILED old', { evalType: 'fail_only' });
    expect(grading.tests).toEqual({
      FAIL_TO_PASS: { success: ['new'], failure: [] },
      PASS_TO_PASS: { success: [], failure: ['old'] },
    });
  });
});

describe('ids that were cut inside their brackets', () => {
  const cut = { failToPass: ['t[a'], passToPass: [] };

  test('stand for the tests that begin so, if these agree', () => {
    expect(v5.grade(log('PASSED t[a-1]\nXFAIL t[a-2]\nFAILED u'), target(cut)).resolved).toBe(true);
    expect(v5.grade(log('PASSED t[a-1]\nFAILED t[a-2]'), target(cut)).resolved).toBe(false);
    expect(v4_1.grade(log('PASSED t[a-1]'), target(cut)).resolved).toBe(false);
  });

  test('take the first status where passing isn’t at stake', () => {
    const p2p = { failToPass: [], passToPass: ['t[a'] };
    expect(v5.grade(log('SKIPPED t[a-1]\nFAILED t[a-2]'), target(p2p)).resolved).toBe(true);
    expect(v5.grade(log('FAILED t[a-2]\nSKIPPED t[a-1]'), target(p2p)).resolved).toBe(false);
  });

  test('are looked up only when brackets stay open', () => {
    expect(v5.grade(log('PASSED t[a]b'), target({ failToPass: ['t[a]'] })).resolved).toBe(false);
  });
});

describe('SWE-rebench V2', () => {
  test('durations in names are not compared', () => {
    const row = target({
      failToPass: ['new [12 ms]'],
      passToPass: ['old (1.5s)', 'slow in 3 sec'],
      logParser: 'parse_log_jq',
    });
    expect(
      rebenchV2.grade('PASS: new [7ms]\nPASS: old (2 s)\nPASS: slow in 29.1 msec\nPASS: more', row).resolved,
    ).toBe(true);
  });
});

describe('apply commands and scripts', () => {
  test('v5 records the exit code of the tests around the end marker', () => {
    const script = "#!/bin/bash\nset -uxo pipefail\npytest\n: '>>>>> End Test Output'\ngit checkout\n";
    expect(v5.prepareScript(script)).toBe(
      [
        '#!/bin/bash',
        'set -uxo pipefail',
        'pytest',
        'SWEBENCH_TEST_EXIT_CODE=$?',
        ": '>>>>> End Test Output'",
        'echo ">>>>> Test Exit Code: $SWEBENCH_TEST_EXIT_CODE"',
        'git checkout',
        '',
      ].join('\n'),
    );
    expect(v4_1.prepareScript(script)).toBe(script);
  });

  test('every command names the patch file', () => {
    for (const profile of PROFILES)
      for (const command of profile.applyCommands) expect(command).toMatch(/ \{patch\}$/);
  });
});

describe('hostile logs', () => {
  const pieces = fc.constantFrom(
    ...[
      '>>>>> Start Test Output',
      '>>>>> End Test Output',
      '>>>>> Test Exit Code: ',
      '>>>>> Test Exit Code: 1',
      '\n',
      '\r',
    ],
    ...[
      'PASSED new',
      'FAILED old',
      ' ... ok',
      '1',
      ' passing',
      '>>>>> Tests Errored',
      'Tests: ',
      '\ud800',
      ' ',
    ],
  );

  test('never throw, and resolve only what has both markers', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 3 })), { maxLength: 40 }), (parts) => {
        const text = parts.join('');
        for (const profile of PROFILES) {
          const grading = profile.grade(text, target());
          expect(grading.resolved).toBe(grading.found && grading.resolution === 'FULL');
          if (grading.found && profile !== rebenchV2) expect(text).toMatch(/>>>>> End Test Output/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    '1',
    '>>>>> ',
    ' ',
    'Tests: ',
    '1 passing',
    '1 a, ',
    '\n',
    '\r',
    '>>>>> Test Exit Code:',
    'Test Suites: 1 a, ',
  ])('a long row of %j is graded in linear time', (piece) => {
    const graded = () => v5.grade(log(piece.repeat(300_000 / piece.length)), target());
    expect(cpuSeconds(graded)).toBeLessThan(5);
  });
});
