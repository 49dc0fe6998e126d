import { describe, expect, test } from '@jest/globals';
import { type ParserSet, parserFinder } from '../../benchmarks/parsers/registry.js';

function parse(name: string, log: string, set: ParserSet = 'swe-bench-5') {
  const statuses = parserFinder(set)(name)(log, 'owner__repo-1');
  return statuses === undefined ? undefined : Object.fromEntries(statuses);
}

describe('pytest', () => {
  test('a status at the start of a line names the test that follows', () => {
    const log =
      'PASSED a.py::one\nFAILED a.py::two - assert 1 == 2\nERROR a.py::three\nXFAIL a.py::four why\n PASSED no';
    expect(parse('parse_log_pytest', log)).toEqual({
      'a.py::one': 'PASSED',
      'a.py::two': 'FAILED',
      'a.py::three': 'ERROR',
      'a.py::four': 'XFAIL',
    });
  });

  test('the last line that names a test wins', () => {
    expect(parse('parse_log_pytest', 'FAILED t\nPASSED t')).toEqual({ t: 'PASSED' });
  });

  test('an id ends at the first space, as the rows have it', () => {
    expect(parse('parse_log_pytest', 'PASSED t[a b]')).toEqual({ 't[a': 'PASSED' });
  });

  test('a word that only begins with a status is neither a pass nor a failure', () => {
    expect(parse('parse_log_pytest', 'ERRORS t\nERROR: u')).toEqual({ t: 'OTHER', u: 'OTHER' });
  });

  test('a lone dash before the id of a failure is dropped', () => {
    expect(parse('parse_log_pytest', 'FAILED - t\nFAILED\t- u\nFAILED - \nFAILED')).toEqual({
      t: 'FAILED',
      '-': 'FAILED',
    });
  });

  test('the summary of skipped tests is dropped by v5 and a test for v4; other counts stay', () => {
    const log = 'SKIPPED [3] a.py:1: no display\nPASSED [100%]';
    expect(parse('parse_log_pytest', log)).toEqual({ '[100%]': 'PASSED' });
    expect(parse('parse_log_pytest', log, 'swe-bench-4')).toEqual({ '[3]': 'SKIPPED', '[100%]': 'PASSED' });
  });

  test('white space is what Python takes for it', () => {
    expect(parse('parse_log_pytest', 'PASSED\x1ct\x85u\nPASSED\u3000v\nPASSED\ufeffw x')).toEqual({
      t: 'PASSED',
      v: 'PASSED',
      x: 'OTHER',
    });
  });

  test('SWE-rebench V2 knows no XFAIL', () => {
    expect(parse('parse_log_pytest', 'PASSED t\nXFAIL t', 'swe-rebench-2')).toEqual({ t: 'PASSED' });
  });
});

describe('pytest with options', () => {
  test.each([
    ['t[/a/b/c]', 't[/c]'],
    ['t[//a/b]', 't[//a/b]'],
    ['t[/a/*]', 't[/a/*]'],
    ['t[a/b]', 't[a/b]'],
    ['t[a]tail', 't[a]'],
    ['t]a[b', 't]a[b'],
    ['t', 't'],
  ])('%s is listed as %s', (id, expected) => {
    expect(parse('parse_log_pytest_options', `PASSED ${id}`)).toEqual({ [expected]: 'PASSED' });
  });
});

describe('pytest v2', () => {
  test('colours and control characters are removed before the status is read', () => {
    expect(parse('parse_log_pytest_v2', '\x1b[32mPASSED\x1b[0m t\nu \x1b[31mFAILED\x1b[0m')).toEqual({
      t: 'PASSED',
      u: 'FAILED',
    });
  });

  test('v5 keeps ids with spaces, v4 takes the first word', () => {
    const log = 'PASSED t[a  b]\nFAILED u[c d] - boom - bang\nv[e f] PASSED';
    expect(parse('parse_log_pytest_v2', log)).toEqual({
      't[a b]': 'PASSED',
      'u[c d]': 'FAILED',
      'v[e f]': 'PASSED',
    });
    expect(parse('parse_log_pytest_v2', log, 'swe-bench-4')).toEqual({
      't[a': 'PASSED',
      'u[c': 'FAILED',
      'v[e': 'OTHER',
    });
  });

  test('SWE-rebench V2 stops at a status without an id', () => {
    expect(parse('parse_log_pytest_v2', 'PASSED', 'swe-rebench-2')).toBeUndefined();
    expect(parse('parse_log_pytest_v2', 'PASSED')).toEqual({});
  });
});

describe('matplotlib and seaborn', () => {
  test('mouse buttons are listed by number', () => {
    expect(parse('parse_log_matplotlib', 'PASSED t[MouseButton.LEFT-MouseButton.RIGHT]')).toEqual({
      't[1-3]': 'PASSED',
    });
  });

  test('seaborn counts failures and passes only, in either order', () => {
    const log = 'FAILED t - x\nu PASSED [ 5%]\nPASSED v\nSKIPPED w\nERROR x\na b PASSED c';
    expect(parse('parse_log_seaborn', log)).toEqual({ t: 'FAILED', u: 'PASSED', v: 'PASSED' });
  });

  test('a bare FAILED stops the older seaborn parser', () => {
    expect(parse('parse_log_seaborn', 'FAILED', 'swe-bench-4')).toBeUndefined();
    expect(parse('parse_log_seaborn', 'FAILED')).toEqual({});
  });
});

describe('django', () => {
  test('results stand after three dots', () => {
    const log = [
      'one (a.B) ... ok',
      ' two (a.B) ...  OK ',
      'three (a.B) ... skipped "no database"',
      'four (a.B) ... FAIL',
      'five (a.B) ... ERROR',
      'FAIL: six (a.B)',
      'ERROR: seven (a.B)',
    ].join('\n');
    expect(parse('parse_log_django', log)).toEqual({
      'one (a.B)': 'PASSED',
      'two (a.B)': 'PASSED',
      'three (a.B)': 'SKIPPED',
      'four (a.B)': 'FAILED',
      'five (a.B)': 'ERROR',
      six: 'FAILED',
      seven: 'ERROR',
    });
  });

  test('an ok on a line of its own belongs to the last test that was named', () => {
    expect(parse('parse_log_django', 'one (a.B) ... some output\nmore\nok')).toEqual({
      'one (a.B)': 'PASSED',
    });
    expect(parse('parse_log_django', 'ok')).toEqual({});
  });

  test('known interruptions between a test and its ok count as passed', () => {
    const log = [
      'one ... Testing against Django installed in /d',
      'with (0 silenced).',
      'ok',
      'two ... Internal Server Error: /x/',
      'ok',
      'three\n... System check identified no issues (0 silenced)',
      'ok',
    ].join('\n');
    expect(parse('parse_log_django', log)).toMatchObject({ one: 'PASSED', two: 'PASSED', three: 'PASSED' });
  });

  test('the noise of a migration before a test is taken off', () => {
    const log = 'Applying sites.0002_alter_domain_unique...test_no_migrations (a.B) ... ok';
    expect(parse('parse_log_django', log)).toEqual({ 'test_no_migrations (a.B)': 'PASSED' });
  });

  test('a failure without a name stops the official parser', () => {
    expect(parse('parse_log_django', 'one ... ok\nFAIL:')).toBeUndefined();
  });
});

describe('sympy', () => {
  test('results stand at the end of a line that begins with test_', () => {
    const log = 'test_one ok\ntest_two F\n test_three E\ntest_four f\nother ok\ntest_five  ok [OK]';
    expect(parse('parse_log_sympy', log)).toEqual({
      test_one: 'PASSED',
      test_two: 'FAILED',
      test_three: 'ERROR',
    });
    expect(parse('parse_log_sympy', log, 'swe-rebench-2')).toMatchObject({ test_five: 'PASSED' });
  });

  test('a heading names a failed test with its file', () => {
    expect(parse('parse_log_sympy', '________ sympy/a.py:test_x ________')).toEqual({
      'sympy/a.py:test_x': 'FAILED',
    });
  });
});

describe('names', () => {
  test('a repository is a name too', () => {
    expect(parse('psf/requests', 'PASSED t[/a/b]', 'swe-bench-4')).toEqual({ 't[/b]': 'PASSED' });
  });

  test('an unknown name is an error that lists the known ones', () => {
    expect(() => parse('parse_log_cobol', '')).toThrow(
      expect.objectContaining({
        code: 'unknown_log_parser',
        message: expect.stringContaining('parse_log_cobol'),
        detail: expect.stringContaining('parse_log_django, parse_log_'),
      }),
    );
  });
});
