import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { INVERT } from '../../src/container/inverter/index.js';
import {
  copyIds,
  type InvertedTest,
  invertedIds,
  resetCommitOf,
  testPatchOf,
  withTestPatch,
} from '../../src/integrity/inverted.js';

const folder = mkdtempSync(join(tmpdir(), 'assay-inverted-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Inverts a file, with copies of the tests that are named in `wanted`; returns the tests it names. */
function invert(name: string, text: string, wanted = ''): readonly InvertedTest[] {
  writeFileSync(join(folder, 'wanted'), wanted);
  writeFileSync(join(folder, 'invert.py'), INVERT);
  writeFileSync(join(folder, name), text);
  const printed = execFileSync('python3', ['-I', '-S', 'invert.py', 'n1', 'wanted', name], {
    cwd: folder,
    encoding: 'utf8',
  });
  return printed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as InvertedTest);
}

/** The tests of an inverted Python file that pass. */
function passing(text: string, wanted?: string): readonly string[] {
  invert('test_it.py', text, wanted);
  const { stderr } = spawnSync('python3', ['-B', '-m', 'unittest', '-v', 'test_it'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return [...stderr.matchAll(/^(\w+) \(.*\.\.\. ok$/gm)].map((match) => match[1] ?? '');
}

const HEAD = 'import unittest\n\nclass Case(unittest.TestCase):\n';
const method = (name: string, ...lines: string[]) =>
  `    def test_${name}(self):\n${lines.map((line) => `        ${line}\n`).join('')}\n`;

describe('inverted Python tests', () => {
  test('fail where the code is honest, whatever they assert with', () => {
    const text = [
      HEAD,
      method('equal', 'self.assertEqual(1 + 1, 2)'),
      method('doc', '"""Adds."""', 'self.assertEqual([1], [1])'),
      method('true', 'self.assertTrue([1])', 'self.assertFalse([])', 'self.assertIsNone(None)'),
      method('others', 'self.assertIn(1, [1])', 'self.assertNotEqual(1, 2)', 'self.assertGreater(2, 1)'),
      method('plain', 'assert 1 == 1', 'assert [1]', 'assert not []'),
      method(
        'endless',
        'import itertools',
        'assert 3 in itertools.count()',
        'self.assertIn(3, itertools.count())',
      ),
      method('raises', 'with self.assertRaises(ValueError):', '    int("x")'),
      method('raises_inside', 'with self.assertRaises(AssertionError):', '    assert 1 == 2'),
      method('call', 'self.assertRaises(ValueError, int, "x")'),
      method('loop', 'for i in range(3):', '    with self.subTest(i=i):', '        self.assertEqual(i, i)'),
      method('early', 'self.assertEqual(1, 1)', 'return'),
      method('try', 'try:', '    assert False', 'except AssertionError:', '    pass'),
      method('nothing', 'pass'),
      method('nested', 'def check():', '    assert 1', 'check()'),
    ].join('');
    expect(passing(text)).toEqual([]);
  });

  test('fail at once but for some and the wanted ones where a file has many', () => {
    const names = Array.from({ length: 400 }, (_, at) => `case${at}`);
    const text = `unittest.TestCase.assertTrue = lambda *a, **k: None\n${HEAD}${names
      .map((name) => method(name, 'self.assertTrue(0)'))
      .join('')}`;
    const passed = passing(
      text.replace('unittest.TestCase', 'import unittest\nunittest.TestCase'),
      'test_case7',
    );
    expect(passed).toContain('test_case7');
    expect(passed.length).toBeGreaterThan(5);
    expect(passed.length).toBeLessThan(60);
  });

  test.each([
    [
      'an object that equals everything',
      'class A:\n    def __eq__(self, other):\n        return True\n',
      'self.assertEqual(A(), 3)',
    ],
    [
      'the same on the other side',
      'class A:\n    def __eq__(self, other):\n        return True\n',
      'assert 3 == A()',
    ],
    [
      'assertEqual that asserts nothing',
      'unittest.TestCase.assertEqual = lambda *a, **k: None\n',
      'self.assertEqual(1, 2)',
    ],
    [
      'assertTrue that asserts nothing',
      'unittest.TestCase.assertTrue = lambda *a, **k: None\n',
      'self.assertTrue(1 == 2)',
    ],
    [
      'assertRaises that takes anything',
      'import contextlib\nunittest.TestCase.assertRaises = lambda *a, **k: contextlib.suppress(BaseException)\n',
      'with self.assertRaises(ValueError): pass',
    ],
    [
      'a run that does nothing',
      'unittest.TestCase._callTestMethod = lambda *a: None\n',
      'self.assertEqual(1, 2)',
    ],
    [
      'code that reads what the test expects',
      'import inspect, re\ndef f():\n    return int(re.search(r", (\\d+)\\)", inspect.stack()[1].code_context[0]).group(1))\n',
      'self.assertEqual(f(), 7)',
    ],
    [
      'what an expected error holds',
      'class A:\n    def __eq__(self, other):\n        return True\ndef f():\n    raise ValueError(A())\n',
      'with self.subTest(), self.assertRaises(ValueError) as caught: f()\n        self.assertEqual(caught.exception.args[0], 3)',
    ],
    [
      'a container that holds everything',
      'class A:\n    def __contains__(self, item):\n        return True\n',
      'self.assertIn(1, A())',
    ],
    [
      'failures that count as successes',
      'unittest.TextTestResult.addFailure = lambda self, test, err: self.addSuccess(test)\n',
      'self.assertEqual(1, 2)',
    ],
  ])('pass by %s', (_, cheat, assertion) => {
    expect(passing(`import unittest\n${cheat}\n${HEAD}${method('it', assertion)}`)).toEqual(['test_it']);
  });

  test('compute what is compared once where a literal is expected', () => {
    const counting =
      'calls = []\ndef f():\n    calls.append(1)\n    print("calls", len(calls))\n    return 1\n';
    invert('test_it.py', `${counting}${HEAD}${method('it', 'self.assertEqual(f(), 1)', 'assert f() == 1')}`);
    const { stdout } = spawnSync('python3', ['-B', '-m', 'unittest', 'test_it'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stdout).toBe('calls 1\ncalls 2\n');
  });

  test('are named by class and docstring; what is expected to fail and what does not parse is left alone', () => {
    const text = `${HEAD}    def test_a(self):\n        """ First line.\n\n        More. """\n\n    @unittest.expectedFailure\n    def test_b(self):\n        assert 0\n`;
    expect(invert('test_c.py', text)).toEqual([
      { classes: ['Case'], name: 'test_a', doc: 'First line.', file: 'test_c.py' },
    ]);
    expect(invert('test_d.py', 'def test_(:')).toEqual([]);
    expect(
      invert('test_e.py', `import pytest\npytestmark = pytest.mark.xfail\ndef test_a():\n    pass\n`),
    ).toEqual([]);
  });
});

describe('inverted tests of node:test', () => {
  const head = "import assert from 'node:assert/strict';\nimport { describe, it } from 'node:test';\n";
  const run = (text: string, wanted?: string) => {
    const tests = invert('a.test.mjs', text, wanted);
    const { stdout } = spawnSync('node', ['--test', '--test-reporter=tap', 'a.test.mjs'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const passing = [...stdout.matchAll(/^ *ok \d+ - (.*)$/gm)].map(([, title]) => title);
    return { tests, passing };
  };

  test('fail where the code is honest', () => {
    const text = `${head}describe('a', () => {\n  it('b', () => { assert.equal(1, 1); assert.ok(1); assert.throws(() => { throw new Error('x'); }, /x/); });\n  it("c", async () => { await assert.rejects(Promise.reject(new Error('y')), /y/); assert.notEqual(1, 2); });\n});\n`;
    expect(run(text)).toEqual({
      tests: [
        { file: 'a.test.mjs', title: 'b' },
        { file: 'a.test.mjs', title: 'c' },
      ],
      passing: [],
    });
  });

  test('pass by assertions that assert nothing', () => {
    const cheat = 'assert.deepEqual = () => {};\n';
    // As a tree would do it before the test file's own code runs.
    writeFileSync(join(folder, 'cheat.mjs'), `import assert from 'node:assert/strict';\n${cheat}`);
    expect(run(`import './cheat.mjs';\n${head}it('b', () => { assert.deepEqual(1, 2); });\n`)).toMatchObject({
      passing: ['b'],
    });
  });

  test.each([
    ['equal', 'assert.equal(1 + 1, 2);'],
    ['a text', "assert.strictEqual('a' + 'b', 'ab');"],
    ['a list', 'assert.deepEqual([1, 2].slice(1), [2]);'],
    ['two values', 'assert.deepEqual([1], [1].slice());'],
    ['not equal', 'assert.notEqual(1, 2);'],
    ['ok', 'assert.ok([1].length);'],
    ['assert', 'assert(1);'],
    ['throws', "assert.throws(() => { throw new Error('x'); }, /x/);"],
    ['does not throw', 'assert.doesNotThrow(() => 1);'],
    ['rejects', "await assert.rejects(Promise.reject(new Error('y')), /y/);"],
    ['match', "assert.match('ab', /a/);"],
  ])('of a test with %s the copy passes, and the one with the opposite fails', (_, line) => {
    for (const body of [`{ ${line} }`, `{\n    const one = () => { return 1; };\n    ${line}\n  }`]) {
      const { tests, passing } = run(`${head}it('b', async () => ${body});\nit('c', () => {});\n`, 'a > b\n');
      const [test] = tests;
      expect(tests).toEqual([
        { file: 'a.test.mjs', title: 'b', twins: [expect.any(String)], mutants: [expect.any(String)] },
        { file: 'a.test.mjs', title: 'c' },
      ]);
      expect(passing).toContain(test?.twins?.[0]);
      expect(passing).not.toContain(test?.mutants?.[0]);
      expect(copyIds(['a > b'], tests, 'mutants')).toEqual([`a > ${test?.mutants?.[0]}`]);
    }
  });

  test('that may return before they assert have no copy with the opposite', () => {
    const text = `${head}it('b', () => {\n  if (1) return;\n  assert.ok(0);\n});\n`;
    expect(run(text, 'b').tests).toEqual([{ file: 'a.test.mjs', title: 'b', twins: [expect.any(String)] }]);
  });
});

describe('copies of Python tests', () => {
  test.each([
    ['a number', 'self.assertEqual(1 + 1, 2)'],
    ['a negative number', 'assert 1 - 2 == -1'],
    ['a text', 'self.assertEqual("a" + "b", "ab")'],
    ['a list', 'self.assertListEqual([1][:], [1])'],
    ['a dictionary', 'assert dict(a=1) == {"a": 1}'],
    ['None', 'self.assertEqual({}.get(1), None)'],
    ['two values', 'self.assertEqual(str(1), repr(1))'],
    ['other orders', 'self.assertCountEqual([1, 2], [2, 1])'],
    ['truth', 'self.assertTrue([1])'],
    ['order', 'assert 1 < 2'],
    ['a member', 'self.assertIn(1, [1])'],
    ['plain truth', 'assert not []'],
    ['an error', 'with self.assertRaises(ValueError): int("x")'],
    ['an error by a call', 'self.assertRaises(ValueError, int, "x")'],
    ['a loop over known values', 'for value in [1]:\n            self.assertEqual(value, value)'],
    ['a named list', 'cases = [1]\n        for one in cases:\n            with self.subTest(): assert one'],
  ])('of a test with %s one passes, and the one with the opposite fails', (_, line) => {
    const text = `${HEAD}${method('it', 'one = lambda: 1', line)}`;
    const [test] = invert('test_it.py', text, 'test_it.py::Case::test_it') as [InvertedTest];
    expect(test).toMatchObject({ twins: [expect.any(String)], mutants: [expect.any(String)] });
    expect(passing(text, 'test_it')).toEqual(test.twins);
  });

  test.each([
    ['that may return before they assert', 'if 1 + 1 == 2:\n            return', 'assert 0'],
    ['that assert in a loop alone', 'for one in []:\n            assert one'],
    ['whose opposite is uncertain', 'self.assertSequenceEqual(list("a"), tuple("a"))'],
    ['that compare with anything', 'assert 1 == unittest.mock.ANY'],
  ])('of tests %s have none with the opposite', (_, ...lines) => {
    const [test] = invert('test_it.py', `${HEAD}${method('it', ...lines)}`, 'test_it');
    expect(test).toMatchObject({ twins: [expect.any(String)], mutants: [] });
  });

  test.each([
    [
      'that simplifies',
      'class Zero:\n    def __new__(cls, value):\n        return 0\n',
      'assert Zero(5) == 0 == Zero(7)',
      'assert Zero(1) == Zero(2)',
    ],
    ['that does not', '', 'assert len("ab") == 2', 'assert Fraction("1/2") == Fraction(1, 2)'],
  ])('of tests with what a class makes %s: inverted ones and mutants fail', (_, head, ...lines) => {
    const text = `from fractions import Fraction\n${head}${HEAD}${method('it', ...lines)}`;
    const [test] = invert('test_it.py', text, 'test_it') as [InvertedTest];
    expect(test.mutants?.length).toBeGreaterThan(0);
    expect(passing(text, 'test_it')).toEqual(test.twins);
  });

  test('claim the opposite behind a function within the test, whose return leaves that function alone', () => {
    const text = `${HEAD}${method('it', 'def two():', '    return 2', 'self.assertEqual(two(), 2)')}`;
    const [test] = invert('test_it.py', text, 'test_it.Case.test_it');
    expect(test?.mutants).toHaveLength(1);
  });

  test('claim the opposite in two places, in one, the other and both, so that each is as near to the others as the unchanged one', () => {
    const lines = [1, 2, 3, 4, 5].map((value) => `self.assertEqual(f(${value}), ${value})`);
    const [test] = invert(
      'test_it.py',
      `def f(x):\n    return x\n${HEAD}${method('it', '"""Doc."""', ...lines)}`,
      'test_it',
    ) as [InvertedTest];
    const text = readFileSync(join(folder, 'test_it.py'), 'utf8');
    const order = [...text.matchAll(/def (test_[0-9a-f]{12})/g)].map(([, name]) => name ?? '');
    expect([...order].sort()).toEqual([...(test.mutants ?? []), ...(test.twins ?? [])].sort());
    expect(test.mutants).toContain(order[0]);
    const bodies = order.map(
      (name) => text.slice(text.indexOf(name)).split('def ', 1)[0]?.split('\n').slice(1, 6) ?? [],
    );
    const distances = bodies.map((one) =>
      bodies.map((other) => one.filter((line, at) => line !== other[at]).length).sort(),
    );
    expect(distances).toEqual(Array(4).fill([0, 1, 1, 2]));
  });

  test('are made without the unchanged one of a test that calls another, which is inverted', () => {
    const text = `${HEAD}${method('it', 'self.test_other()')}${method('other', 'assert 1')}`;
    expect(invert('test_it.py', text, 'test_it')).toMatchObject([{ name: 'test_it', twins: [] }, {}]);
  });

  test('are made of wanted tests alone, and ids can be made of their names', () => {
    const text = `${HEAD}${method('it', '"""Doc."""', 'self.assertEqual(1, 1)')}${method('other', 'pass')}`;
    const tests = invert('test_it.py', text, 'test_it (test_it.Case)');
    expect(tests).toMatchObject([
      { name: 'test_it', twins: [expect.stringMatching(/^test_[0-9a-f]{12}$/)] },
      {},
    ]);
    expect(tests[1]).not.toHaveProperty('twins');
    const twin = tests[0]?.twins?.[0];
    const ids = ['test_it (test_it.Case.test_it)', 'test_it.py::Case::test_it[test_it-1]', 'Doc.', 'other'];
    expect(copyIds(ids, tests, 'twins')).toEqual([
      `${twin} (test_it.Case.${twin})`,
      `test_it.py::Case::${twin}[test_it-1]`,
    ]);
  });
});

test('expected tests are matched by the ids of pytest, unittest, sympy and node:test', () => {
  const inverted: InvertedTest[] = [
    { file: 'tests/a.py', classes: ['A'], name: 'test_x', doc: 'Does x.' },
    { file: 'tests/a.py', classes: [], name: 'test_y' },
    { file: 'b.test.js', title: 'does z' },
  ];
  const ids = (...names: string[]) => invertedIds(names, inverted);
  expect(
    ids('tests/a.py::A::test_x[1-2]', 'tests/a.py::test_y', 'tests/b.py::test_y', 'tests/a.py::test_x'),
  ).toEqual(['tests/a.py::A::test_x[1-2]', 'tests/a.py::test_y']);
  expect(
    ids('test_x (pkg.a.A)', 'tests.a.A.test_x', 'test_x (pkg.a.B)', 'Does x.', 'test_y', 'test_yz'),
  ).toEqual(['test_x (pkg.a.A)', 'tests.a.A.test_x', 'Does x.', 'test_y']);
  expect(ids('group > does z', 'does z', 'group > does z twice')).toEqual(['group > does z', 'does z']);
});

test('the test patch of an official script can be read and replaced', () => {
  const script =
    "git checkout abc1234def a.py\ngit apply -v - <<'EOF_114329324912'\ndiff\n+$& $1\n\nEOF_114329324912\n: '>>>>> Start'\n";
  expect(testPatchOf(script)).toBe('diff\n+$& $1\n\n');
  expect(withTestPatch(script, 'other $& $1\n')).toBe(
    "git checkout abc1234def a.py\ngit apply -v - <<'EOF_114329324912'\nother $& $1\nEOF_114329324912\n: '>>>>> Start'\n",
  );
  expect(resetCommitOf(script)).toBe('abc1234def');
  expect(testPatchOf('echo')).toBeUndefined();
});
