import fc from 'fast-check';
import { log, PAIRS } from '../adversarial/random-logs.js';

/**
 * `npm run fuzz:logs -- [COUNT] [SEED]`: random logs through every profile with every parser, in turn. Ends with 1 at the first exception, and at the first log that is
 * graded as resolved although one of the expected tests is nowhere in it, or is in no list of successes.
 */
const [count = 100_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
/** Ids of tests that the logs may show, and one that none does. */
const IDS = [
  'test_a.py::test_one',
  'test_one (tests.A)',
  'adds',
  'test_c',
  'TestA',
  'test_basic',
  'parse > adds',
];
const NOWHERE = 'test_that_no_log_has';
const BATCH = 1000;

let [done, resolved, slowest] = [0, 0, 0];
while (done < count) {
  const logs = fc.sample(log, { numRuns: Math.min(BATCH, count - done), seed: seed + done });
  for (const text of logs) {
    const { profile, logParser } = PAIRS[done % PAIRS.length] as (typeof PAIRS)[number];
    const failToPass = [IDS[done % IDS.length] as string, ...(done % 3 === 0 ? [NOWHERE] : [])];
    const target = {
      instanceId: 'owner__repo-1',
      failToPass,
      passToPass: [],
      logParser,
      evalType: 'pass_and_fail' as const,
    };
    const from = performance.now();
    const grading = profile.grade(text, target);
    slowest = Math.max(slowest, performance.now() - from);
    done++;
    if (!grading.resolved) continue;
    resolved++;
    const success = grading.tests?.FAIL_TO_PASS.success ?? [];
    const fault = failToPass.find((id) => !success.includes(id) || id === NOWHERE);
    if (fault === undefined) continue;
    console.error(
      `seed ${seed}: ${profile.name} with ${logParser} resolves without ${fault}:\n${JSON.stringify(text)}`,
    );
    process.exit(1);
  }
}
console.log(
  `seed ${seed}: ${done} logs, ${PAIRS.length} pairs of profile and parser, ${resolved} resolved, each with every expected test; slowest ${slowest.toFixed(0)} ms`,
);
