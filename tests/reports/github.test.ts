import { describe, expect, test } from '@jest/globals';
import { githubAnnotations, githubReport } from '../../reports/index.js';
import { type RunResults, summarise } from '../../src/index.js';
import { instance, MIXED, PULL_LIMITED, runResults, verdict } from './run-results.js';

const markdown = (results: RunResults) => githubReport(results, summarise(results))[0]?.content ?? '';

describe('the summary of a job', () => {
  test('has Pass@1 with its interval, the outcomes and what failed for the machine', () => {
    const content = markdown(MIXED);
    expect(content).toContain('## INCOMPLETE: acme/solver on verified');
    expect(content).toContain('**Pass@1 11.1 %**, 95 % interval 2.0 to 43.5 %, 1 of 9 instances');
    expect(content).toContain('| resolved | unresolved | invalid | infra_error |');
    expect(content).toContain('| `sympy__sympy-3` | 1 | `image_pull_limited` |');
  });

  test('is far below what GitHub takes, however many failed', () => {
    const ids = Array.from({ length: 5000 }, (_, index) => `a__a-${index}`);
    const results = runResults(
      ids.map((id) => instance(id)),
      ids.map((id, index) => verdict(id, index % 2 === 0 ? PULL_LIMITED : { outcome: 'unresolved' })),
    );
    expect(Buffer.byteLength(markdown(results))).toBeLessThan(100_000);
    expect(markdown(results)).toContain('and 2300 more');
  });

  test('takes no markup from a stranger', () => {
    const hostile = '<script>alert(1)</script> | ![x](http://y) \n# z';
    const results = runResults([instance('a__a-1', { repo: hostile })], [verdict('a__a-1')], {
      model: hostile,
    });
    expect(markdown(results)).not.toMatch(/(?<!\\)<script|^# z|(?<!\\)!\[/m);
  });
});

describe('annotations', () => {
  test('are for infrastructure errors alone', () => {
    expect(githubAnnotations(summarise(MIXED))).toEqual([
      expect.stringMatching(
        /^::error title=image_pull_limited%3A sympy__sympy-3::attempt 1: 429 .* -> The registry/,
      ),
      "::notice title=run-1::1 attempt failed for the machine's fault",
    ]);
    expect(githubAnnotations(summarise(runResults([instance('a__a-1')], [verdict('a__a-1')])))).toEqual([]);
  });

  test('are one line each, and no command comes out of a text', () => {
    const detail = 'x\n::error::mine\r::stop-commands::y %0A::z';
    const results = runResults([instance('a__a-1')], [verdict('a__a-1', { ...PULL_LIMITED, detail })]);
    const [error = ''] = githubAnnotations(summarise(results));
    expect(error).not.toMatch(/[\r\n]/);
    expect(error).toContain('x ::error::mine ::stop-commands::y %250A::z');
    expect(error).toMatch(/^::error title=[^:]*::/);
  });

  test('are not more than GitHub shows', () => {
    const ids = Array.from({ length: 50 }, (_, index) => `a__a-${index}`);
    const results = runResults(
      ids.map((id) => instance(id)),
      ids.map((id) => verdict(id, PULL_LIMITED)),
    );
    const annotations = githubAnnotations(summarise(results));
    expect(annotations).toHaveLength(11);
    expect(annotations.at(-1)).toContain('50 attempts');
  });
});
