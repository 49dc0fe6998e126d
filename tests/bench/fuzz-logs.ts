import fc from 'fast-check';
import { LINES, log, PAIRS } from '../adversarial/random-logs.js';

/**
 * `npm run fuzz:logs -- [COUNT] [SEED]`: random logs through every profile with every parser, in turn; then, for each of them, lines and rows of all kinds that
 * are doubled three times. Ends with 1 at the first exception, at the first log that is graded as resolved although one of the expected tests is
 * nowhere in it or in no list of successes, and where the time grows faster than the log.
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

type Pair = (typeof PAIRS)[number];

/** Grades a log; milliseconds of a core, and the verdict. */
function graded({ profile, logParser }: Pair, text: string, failToPass: readonly string[]) {
  const evalType = 'pass_and_fail' as const;
  const target = { instanceId: 'owner__repo-1', failToPass, passToPass: [], logParser, evalType };
  const from = process.cpuUsage();
  const grading = profile.grade(text, target);
  return { grading, ms: process.cpuUsage(from).user / 1000 };
}

function fuzz(): void {
  let [done, resolved, slowest] = [0, 0, 0];
  while (done < count) {
    const logs = fc.sample(log, { numRuns: Math.min(BATCH, count - done), seed: seed + done });
    for (const text of logs) {
      const pair = PAIRS[done % PAIRS.length] as Pair;
      const failToPass = [IDS[done % IDS.length] as string, ...(done % 3 === 0 ? [NOWHERE] : [])];
      const { grading, ms } = graded(pair, text, failToPass);
      slowest = Math.max(slowest, ms);
      done++;
      if (!grading.resolved) continue;
      resolved++;
      const success = grading.tests?.FAIL_TO_PASS.success ?? [];
      const fault = failToPass.find((id) => !success.includes(id) || id === NOWHERE);
      if (fault !== undefined)
        throw new Error(
          `seed ${seed}: ${pair.profile.name} with ${pair.logParser} resolves without ${fault}:\n${JSON.stringify(text)}`,
        );
    }
  }
  console.log(
    `seed ${seed}: ${done} logs, ${PAIRS.length} pairs of profile and parser, ${resolved} resolved, each with every expected test; slowest ${slowest.toFixed(0)} ms`,
  );
}

/** Characters of the short log; the long one has eight times as many. */
const SHORT = 25_000;
/** Linear time gives 8, quadratic 64. */
const MOST = 24;
/** A time below this one, in ms, is too short to be compared. */
const SHORTEST = 20;

/** How much longer the log of three doublings takes; the least of five tries, as memory may be cleared in between. */
function growth(pair: Pair, piece: string): number {
  const took = (size: number) => graded(pair, piece.repeat(Math.ceil(size / piece.length)), IDS).ms;
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5 && least > MOST; round++) {
    const long = took(8 * SHORT);
    least = Math.min(least, long < SHORTEST ? 0 : long / took(SHORT));
  }
  return least;
}

function double(): void {
  let [shapes, most] = [0, 0];
  for (const pair of PAIRS)
    for (const piece of LINES.flatMap((line) => [`${line}\n`, `${line} `, line])) {
      const ratio = growth(pair, piece);
      if (ratio > MOST)
        throw new Error(
          `${pair.profile.name} with ${pair.logParser} takes ${ratio.toFixed(0)} times as long for 8 times ${JSON.stringify(piece)}`,
        );
      shapes++;
      most = Math.max(most, ratio);
    }
  console.log(
    `three doublings of ${shapes} logs: at most ${most.toFixed(1)} times as long (8: linear, 64: quadratic)`,
  );
}

fuzz();
double();
