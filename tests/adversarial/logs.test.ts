import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { testJob } from '../helpers/jobs.js';
import { cases, damaged, damages } from './hostile.js';
import { judged } from './judged.js';
import { END, LINES, log, PAIRS, START } from './random-logs.js';

function jobOf({ profile, logParser }: (typeof PAIRS)[number], evalType: 'pass_and_fail' | 'fail_only') {
  const job = testJob('owner__repo-1');
  const ids = {
    failToPass: ['test_a.py::test_one', 'test_one (tests.A)'],
    passToPass: ['adds', 'test_p[a - b'],
  };
  return { ...job, profile, spec: { ...job.spec, ...ids, logParser, evalType } };
}

describe('mangled logs', () => {
  test('end in a verdict under every profile with every parser', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        log,
        fc.option(damages),
        fc.constantFrom(...PAIRS),
        fc.constantFrom('pass_and_fail' as const, 'fail_only' as const),
        async (text, changes, pair, evalType) => {
          const bytes = changes === null ? Buffer.from(text) : damaged(Buffer.from(text), changes);
          const { outcome, reason } = await judged(jobOf(pair, evalType), bytes);
          expect(['resolved', 'unresolved']).toContain(outcome);
          seen.set(reason, (seen.get(reason) ?? 0) + 1);
        },
      ),
      cases(2500),
    );
    // The cases reach the grading itself, not only the checks before it.
    expect(seen.get('tests_failed')).toBeGreaterThan(50);
    expect(seen.get('markers_missing')).toBeGreaterThan(50);
  }, 120_000);

  test('of one endless line, or of one line without end, are judged in time', async () => {
    const slow: string[] = [];
    for (const pair of PAIRS) {
      const big = [LINES[(PAIRS.indexOf(pair) * 7) % LINES.length] ?? '', START, 'FAILED a b - c d'];
      for (const piece of big) {
        for (const text of [`${piece}\n`.repeat(1000), piece.repeat(1000)]) {
          const whole = `+ : '${START}'\n${text}\n+ : '${END}'\n`;
          const from = performance.now();
          await judged(jobOf(pair, 'pass_and_fail'), Buffer.from(whole));
          const took = performance.now() - from;
          if (took > 2000)
            slow.push(`${pair.profile.name} ${pair.logParser} ${Math.round(took)} ms: ${piece}`);
        }
      }
    }
    expect(slow).toEqual([]);
  }, 120_000);
});
