import { describe, expect, test } from '@jest/globals';
import { comparisonFiles, comparisonText } from '../../reports/index.js';
import type { RunResults } from '../../src/index.js';
import { compareRuns } from '../../src/stats/compare.js';
import { seededRandom } from '../../src/util/random.js';
import { instance, PULL_LIMITED, runResults, verdict } from './run-results.js';

const HOSTILE = '<script>a|b`c\u001b[2J\u202e\n# x';
const STEERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** 40 instances of two repositories, of which a run resolves those that `isResolved` says. */
function run(
  isResolved: (at: number) => boolean,
  settings: Partial<RunResults['manifest']['settings']> = {},
) {
  const ids = Array.from({ length: 40 }, (_, at) => `${at < 30 ? 'django__django' : 'sympy__sympy'}-${at}`);
  return runResults(
    ids.map((id) => instance(id)),
    ids.map((id, at) => verdict(id, { outcome: isResolved(at) ? 'resolved' : 'unresolved' })),
    settings,
  );
}

function compare(...runs: readonly RunResults[]) {
  return compareRuns({
    runs: runs.map((results, index) => ({ label: `run-${index + 1}`, results })),
    ...{ strict: false, intersect: false, random: seededRandom },
  });
}

const half = run((at) => at % 2 === 0);
const more = run((at) => at % 4 !== 1);

describe('a comparison as text', () => {
  test('has rates, difference, intervals, test, table, repositories, and ten wins and losses at most', () => {
    expect(comparisonText(compare(half, more)).split('\n')).toEqual([
      '2 runs on verified, revision c104f84, profile v5, official verdicts, 40 instances',
      '',
      '   run    resolved  of    rate   95 % interval',
      'A  run-1        20  40  50.0 %  35.2 to 64.8 %',
      'B  run-2        30  40  75.0 %  59.8 to 85.8 %',
      '',
      'B - A  +25.0 points',
      expect.stringMatching(
        /^ {2}95 % interval {3}\+2\d\.\d to \+\d\d\.\d {2}bootstrap, repositories \(2\) drawn whole$/,
      ),
      expect.stringMatching(/^ {18}\+1\d\.\d to \+\d\d\.\d {2}bootstrap, instances drawn$/),
      expect.stringMatching(/^ {2}standard error {2}\d\.\d +by repository$/),
      '                  6.9             instances',
      '  p               0.00195         exact McNemar: 10 wins, 0 losses',
      '  detectable      21.5            smallest difference found with 80 % power at alpha 0.05',
      '',
      '            B resolved  B not',
      'A resolved          20      0',
      'A not               10     10',
      '',
      'repository     of   A   B  wins  losses',
      'django/django  30  15  22     7       0',
      'sympy/sympy    10   5   8     3       0',
      '',
      'wins of B over A: 10',
      ...[3, 7, 11, 15, 19, 23, 27].map((at) => `  django__django-${at}`),
      ...[31, 35, 39].map((at) => `  sympy__sympy-${at}`),
      '',
      'losses of B to A: 0',
      '',
    ]);
    const all = comparisonText(
      compare(
        run(() => false),
        run(() => true),
      ),
    );
    expect(all).toContain('  ... and 30 more, in -o FILE.md or --json');
  });

  test('has every two of three runs, with adjusted p-values', () => {
    const text = comparisonText(compare(half, more, half));
    expect(text.match(/^[A-C] - [A-C] .*$/gm)).toEqual([
      'B - A  +25.0 points',
      'C - A  0.0 points',
      'C - B  -25.0 points',
    ]);
    expect(text).toContain('0.00195, 0.00586 by Holm over 3 pairs');
  });

  test('says first what is not final, not ours, left out, or under other conditions', () => {
    const broken = {
      ...half,
      verdicts: half.verdicts.map((one, at) => (at === 0 ? verdict(one.instanceId, PULL_LIMITED) : one)),
    };
    const taken = run((at) => at > 9, { engine: 'imported', graderVersion: 'published' });
    expect(comparisonText(compare(broken, taken)).split('\n').slice(6, 10)).toEqual([
      'imported, not run here: B',
      'INCOMPLETE: 1 instance without a verdict or failed by the machine in a run, counted as not resolved: django__django-0',
      'differs: engine: docker in run-1, imported in run-2',
      'differs: grader version: 1 in run-1, published in run-2',
    ]);
  });
});

describe('files of a comparison', () => {
  test('JSON is the record itself, with a version', () => {
    const comparison = compare(half, more);
    const json = comparisonFiles['.json']?.(comparison) ?? '';
    expect(JSON.parse(json)).toEqual(comparison);
    expect(JSON.parse(json)).toMatchObject({ schemaVersion: 1, verdicts: 'official' });
  });

  test('Markdown names every win and loss', () => {
    const markdown =
      comparisonFiles['.md']?.(
        compare(
          run(() => false),
          run(() => true),
        ),
      ) ?? '';
    for (let at = 0; at < 40; at++) expect(markdown).toMatch(new RegExp(`\`\\w+-${at}\``));
    expect(markdown).toContain('### Losses of B to A: 0');
  });

  test('no text of a stranger steers a terminal or formats Markdown', () => {
    const hostile = runResults(
      [instance(HOSTILE, { repo: HOSTILE }), instance('b__b-1')],
      [verdict(HOSTILE), verdict('b__b-1')],
      { model: HOSTILE, dataset: HOSTILE, datasetRevision: HOSTILE },
    );
    const other = { ...hostile, verdicts: [] };
    const comparison = compareRuns({
      runs: [hostile, other].map((results) => ({ label: HOSTILE, results })),
      ...{ strict: false, intersect: false, random: seededRandom },
    });
    const markdown = comparisonFiles['.md']?.(comparison) ?? '';
    for (const text of [comparisonText(comparison), markdown, comparisonFiles['.json']?.(comparison) ?? ''])
      expect(text).not.toMatch(STEERS);
    expect(markdown).not.toContain('<script>');
    expect(markdown).not.toMatch(/^# x/m);
  });
});
