import { describe, expect, test } from '@jest/globals';
import { type ParserSet, parserFinder } from '../../benchmarks/parsers/registry.js';

function parse(name: string, log: string, set: ParserSet = 'swe-bench-5', instanceId = 'owner__repo-1') {
  const statuses = parserFinder(set)(name)(log, instanceId);
  return statuses === undefined ? undefined : Object.fromEntries(statuses);
}

describe('SWE-bench Multilingual', () => {
  test.each([
    [
      'parse_log_gotest',
      '--- PASS: TestA (0.1s)\n  --- FAIL: TestA/b c (0s)\n--- SKIP: TestD (0s)',
      ['TestA', 'TestA/b c', 'TestD'],
    ],
    ['parse_log_redis', '[ok]: set (3 ms)\n[err]: get in tests/x.tcl\n[ignore]: del', ['set', 'get', 'del']],
    ['parse_log_micropython_test', 'pass  a.py\nFAIL  b.py\nskip  c.py', ['a.py', 'b.py', 'c.py']],
    ['parse_log_jest', '  ✓ a (3 ms)\n  ✕ b\n  ○ c', ['a', 'b', 'c']],
    ['parse_log_vitest', ' ✓ a 3ms\n × b\n ↓ c [skipped]', ['a', 'b', 'c']],
    ['parse_log_phpunit', 'Suite (Tests\\S)\n ✔ a\n ✘ b\n ↩ c', ['Suite > a', 'Suite > b', 'Suite > c']],
    ['parse_log_ruby_unit', 'test: a:\t.: (0.1)\ntest: b:\tF\ntest: c:\tO', ['a', 'b', 'c']],
  ])('%s reads passed, failed and skipped tests', (name, log, [passed = '', failed = '', skipped = '']) => {
    expect(parse(name, log)).toEqual({ [passed]: 'PASSED', [failed]: 'FAILED', [skipped]: 'SKIPPED' });
  });

  test.each([
    ['parse_log_jq', 'PASS: a b\nFAIL: c', ['a b', 'c']],
    ['parse_log_googletest', '[       OK ] S.a (1 ms)\n[  FAILED  ] S.b (2 ms)\n[ RUN ] S.c', ['S.a', 'S.b']],
    ['parse_log_cargo', 'test a::b ... ok\ntest a::c ... FAILED\ntest d ... ignored', ['a::b', 'a::c']],
    ['parse_log_ant', '    [junit] [PASS] a\n    [junit] [ERR] b', ['a', 'b']],
    ['parse_log_tap', 'ok 1 a\nnot ok 2 b', ['a', 'b']],
    ['parse_log_minitest', 'A#t. B = 0.1 s = .\nA#u. B = 0.1 s = E', ['A#t', 'A#u']],
    ['parse_log_cucumber', 'a ....\nb ...F', ['a', 'b']],
    ['parse_log_rspec_transformed_json', 'a b - passed\nc - failed', ['a b', 'c']],
    ['parse_log_jest_json', '[PASSED] a b\n[FAILED] c', ['a b', 'c']],
    ['parse_log_karma', 'Starting browser Chrome\n  s\n    ✔ a\n    ✖ b\nSUMMARY:\n✔ c', ['s > a', 's > b']],
    ['parse_log_gradle_custom', 'A > a PASSED\nA > b\nwarning\nFAILED\n> Task FAILED', ['A > a', 'A > b']],
    ['parse_log_maven', '-Dtest=a x\n-Dtest=b x\n[INFO] BUILD SUCCESS\n[INFO] BUILD FAILURE', ['a', 'b']],
    ['parse_log_react_pdf', 'PASS a.js (1.2 s)\nFAIL b.js', ['a.js', 'b.js']],
  ])('%s reads passed and failed tests', (name, log, [passed = '', failed = '']) => {
    expect(parse(name, log)).toEqual({ [passed]: 'PASSED', [failed]: 'FAILED' });
  });

  test('SWE-bench 4 gives a build result to the last test that was named', () => {
    const log = '-Dtest=a x\n-Dtest=b x\nBUILD SUCCESS\nBUILD FAILURE';
    expect(parse('parse_log_maven', log, 'swe-bench-4')).toEqual({ b: 'FAILED' });
  });

  test('a doctest case passes when all of its expressions do', () => {
    const log =
      'x <doctest><TestCase name="t"><SubCase name="a"><Expression success="true"/></SubCase>' +
      '<SubCase name="b &lt;"><Expression success="false"></Expression></SubCase></TestCase></doctest>';
    expect(parse('parse_log_doctest', log)).toEqual({ 't > a': 'PASSED', 't > b <': 'FAILED' });
    expect(parse('parse_log_doctest', log.replace('</SubCase>', ''))).toBeUndefined();
  });

  test('the runner of jekyll and immutable.js depends on the pull request', () => {
    expect(parse('parse_log_jekyll', 'a ..', 'swe-bench-5', 'jekyll__jekyll-8761')).toEqual({ a: 'PASSED' });
    expect(parse('parse_log_jekyll', 'a ..', 'swe-bench-5', 'jekyll__jekyll-1')).toBeUndefined();
    expect(parse('parse_log_immutable_js', '✓ a', 'swe-bench-5', 'immutable-js__immutable-js-2006')).toEqual({
      a: 'PASSED',
    });
  });
});

describe('SWE-rebench V2', () => {
  test.each([
    ['parse_log_pytest_nebo', '[gw0] [ 5%] PASSED a in 0.1s\nb FAILED [ 9%] in 2s', ['a', 'b']],
    ['parse_log_elixir', '* test a (1.2ms) [L#1]\n  1) test b (Mod)', ['a', 'b']],
    ['parse_log_ruby_v2', 'A#a = 0.1 s = .\nA#b = 0.1 s = E', ['A#a', 'A#b']],
    ['parse_log_cpp_v2', 'Test a   passed\nTest b   failed', ['a', 'b']],
    ['parse_log_cpp_v4', '1/2 Test  #1: a ....   Passed  0.1 sec\n2/2 Test #2: b ..   Failed', ['a', 'b']],
    ['parse_lue_nvim', '\x1b[32mSuccess\x1b[0m\t||\ta\t\nFail\t||\tb', ['a', 'b']],
    ['parse_log_js', '✔ a (12ms)\n1) b:', ['a', 'b']],
    ['parse_log_js_2', '✔ a\n1) b 3 s', ['a', 'b']],
    ['parse_log_npx', '✔ a (12ms)\n1) b (mod)', ['a', 'b']],
    [
      'parse_log_swift',
      "Test Case 'A.a' passed (0.1 seconds)\nTest Case 'A.b' failed (0.1 seconds)",
      ['A.a', 'A.b'],
    ],
    ['parse_log_csharp', '  Passed a [1 ms]\n  Passed b [1 ms]\n[xUnit.net 00:01]   b [FAIL]', ['a', 'b']],
    ['parse_log_scala', '[info] - a (1 ms)\n[info] - b *** FAILED *** (1 ms)', ['a', 'b']],
    [
      'parse_log_junit',
      '<testcase name="a"/><testcase classname="B" name="b"><failure/></testcase>',
      ['a', 'B b'],
    ],
    ['parse_log_gradle_custom', 'A > a PASSED (1.2s)\nA > b  FAILED', ['A > a', 'A > b']],
  ])('%s reads passed and failed tests', (name, log, [passed = '', failed = '']) => {
    expect(parse(name, log, 'swe-rebench-2')).toEqual({ [passed]: 'PASSED', [failed]: 'FAILED' });
  });

  test('a name of V2 alone is unknown to SWE-bench', () => {
    expect(() => parse('parse_log_elixir', '')).toThrow(
      expect.objectContaining({ code: 'unknown_log_parser' }),
    );
  });
});
