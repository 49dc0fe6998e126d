import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { reporters } from '../../reports/index.js';
import { type RunResults, summarise } from '../../src/index.js';
import { instance, MIXED, PULL_LIMITED, runResults, verdict } from './run-results.js';

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

/** Characters of XML 1.0, section 2.2. */
const LEGAL = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

/** A reader of XML that takes only what is well-formed: no stray `<`, `&` or quote, every tag closed. */
function parse(xml: string): Element {
  expect(xml).toMatch(LEGAL);
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  expect(xml.startsWith(declaration)).toBe(true);
  let rest = xml.slice(declaration.length);
  const take = (pattern: RegExp) => {
    const match = pattern.exec(rest);
    if (match === null) throw new Error(`not well-formed at ${JSON.stringify(rest.slice(0, 60))}`);
    rest = rest.slice(match[0].length);
    return match;
  };
  const decoded = (text: string) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
  const element = (): Element => {
    const [, name = ''] = take(/^<([a-z-]+)/);
    const attributes: Record<string, string> = {};
    while (rest.startsWith(' ')) {
      const [, key = '', value = ''] = take(/^ ([A-Za-z]+)="((?:[^<&"]|&#\d+;)*)"/);
      expect([key, key in attributes]).toEqual([key, false]);
      attributes[key] = decoded(value);
    }
    if (take(/^\/?>/)[0] === '/>') return { name, attributes, children: [], text: '' };
    const children: Element[] = [];
    let text = '';
    for (;;) {
      text += decoded(take(/^(?:[^<&]|&#\d+;)*/)[0]);
      if (rest.startsWith('</')) break;
      children.push(element());
    }
    expect(take(/^<\/([a-z-]+)>/)[1]).toBe(name);
    return { name, attributes, children, text };
  };
  const root = element();
  expect(rest).toBe('\n');
  return root;
}

/** What both https://github.com/jenkinsci/xunit-plugin (jenkins-junit.xsd) and Surefire's schema allow: attributes and children, in order. */
const SCHEMA: Readonly<Record<string, { attributes: Record<string, RegExp>; children: string[] }>> = {
  testsuites: {
    attributes: { name: /./, tests: /^\d+$/, failures: /^\d+$/, errors: /^\d+$/, time: /^\d+\.\d{3}$/ },
    children: ['testsuite'],
  },
  testsuite: {
    attributes: {
      name: /./,
      tests: /^\d+$/,
      failures: /^\d+$/,
      errors: /^\d+$/,
      skipped: /^\d+$/,
      time: /^\d+\.\d{3}$/,
      timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/,
    },
    children: ['properties', 'testcase'],
  },
  properties: { attributes: {}, children: ['property'] },
  property: { attributes: { name: /./, value: /^/ }, children: [] },
  testcase: {
    attributes: { classname: /./, name: /./, time: /^\d+\.\d{3}$/ },
    children: ['skipped', 'error', 'failure'],
  },
  skipped: { attributes: { message: /./ }, children: [] },
  error: { attributes: { message: /./, type: /./ }, children: [] },
  failure: { attributes: { message: /./, type: /./ }, children: [] },
};

function check({ name, attributes, children }: Element): void {
  const rule = SCHEMA[name];
  expect(rule).toBeDefined();
  expect(Object.keys(attributes).sort()).toEqual(Object.keys(rule?.attributes ?? {}).sort());
  for (const [key, pattern] of Object.entries(rule?.attributes ?? {}))
    expect([name, key, attributes[key]]).toEqual([name, key, expect.stringMatching(pattern)]);
  const order = children.map((child) => rule?.children.indexOf(child.name) ?? -1);
  expect(order).not.toContain(-1);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  if (name === 'testcase') expect(children.length).toBeLessThanOrEqual(1);
  children.forEach(check);
}

function junit(results: RunResults): Element {
  const [file] = reporters.junit(results, summarise(results));
  expect(file?.path).toBe('junit.xml');
  const root = parse(file?.content ?? '');
  check(root);
  return root;
}

const suitesOf = (root: Element) => root.children;
const casesOf = (suite: Element) => suite.children.filter(({ name }) => name === 'testcase');

describe('junit.xml', () => {
  const root = junit(MIXED);

  test('has a suite for each repository, and a case for each attempt', () => {
    expect(suitesOf(root).map(({ attributes }) => [attributes['name'], attributes['tests']])).toEqual([
      ['django/django', '3'],
      ['sympy/sympy', '5'],
      ['flask/flask', '1'],
    ]);
    const names = suitesOf(root).flatMap((suite) =>
      casesOf(suite).map(({ attributes }) => attributes['name']),
    );
    expect(names).toEqual(MIXED.instances.map(({ instanceId }) => instanceId));
  });

  test("fails what is the model's fault, has an error where it is ours, and skips what never ran", () => {
    const fates = suitesOf(root).flatMap((suite) =>
      casesOf(suite).map(({ children }) => [children[0]?.name, children[0]?.attributes['type'] ?? '']),
    );
    expect(fates).toEqual([
      [undefined, ''],
      ['failure', 'unresolved.tests_failed'],
      ['failure', 'invalid.empty_patch'],
      ['failure', 'invalid.apply_failed'],
      ['failure', 'unresolved.test_timeout'],
      ['error', 'infra_error.image_pull_limited'],
      ['failure', 'unresolved.markers_missing'],
      ['skipped', ''],
      ['skipped', ''],
    ]);
    const skipped = suitesOf(root).flatMap((suite) =>
      casesOf(suite).flatMap(({ children }) => (children[0]?.name === 'skipped' ? children : [])),
    );
    expect(skipped.map(({ attributes }) => attributes['message'])).toEqual([
      'no prediction',
      'no verdict yet',
    ]);
  });

  test('counts agree with the cases', () => {
    for (const of of [root, ...suitesOf(root)]) {
      const cases = of === root ? suitesOf(root).flatMap(casesOf) : casesOf(of);
      const number = (fate: string) =>
        String(cases.filter(({ children }) => children[0]?.name === fate).length);
      expect(of.attributes).toMatchObject({
        tests: String(cases.length),
        failures: number('failure'),
        errors: number('error'),
        ...(of === root ? {} : { skipped: number('skipped') }),
      });
    }
  });

  test('names the failed tests, the evidence and the attempt', () => {
    const results = runResults(
      [instance('a__a-1', { attempts: 2 }), instance('a__a-2')],
      [
        verdict('a__a-1', { outcome: 'unresolved', detail: 'one of two' }),
        verdict('a__a-1', { attempt: 2 }),
        verdict('a__a-2', PULL_LIMITED),
      ],
    );
    const [first, second, third] = casesOf(suitesOf(junit(results))[0] as Element);
    expect(first?.attributes).toEqual({ classname: 'a.a', name: 'a__a-1 #1', time: '2.250' });
    expect(first?.children[0]?.attributes['message']).toBe('tests_failed: one of two');
    expect(first?.children[0]?.text).toContain('one of two\nFAIL_TO_PASS FAILED test_fix');
    expect(second?.attributes['name']).toBe('a__a-1 #2');
    expect(third?.children[0]?.text).toContain('phase pull\n429 Too Many Requests\nsecond line');
  });

  test('any text leaves it well-formed, and no element comes out of it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        ']]><failure/>',
        '"/><x a="',
        '&lt;&#0;',
        '\u0000\u001b[2J\ufffe',
        '\ud800',
        'a\udc00b',
      ),
    );
    fc.assert(
      fc.property(text, text, (one, other) => {
        const lists = { success: [], failure: [one] };
        const results = runResults(
          [instance('a__a-1', { repo: `r${other}` })],
          [
            verdict('a__a-1', {
              ...{ outcome: 'unresolved', detail: one, reason: `r${other}`, image: other },
              tests: { FAIL_TO_PASS: lists, PASS_TO_PASS: lists },
            }),
          ],
          { model: one, dataset: other },
        );
        const [suite] = suitesOf(junit(results));
        expect(casesOf(suite as Element)).toHaveLength(1);
      }),
    );
  });
});
