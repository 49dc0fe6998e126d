import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { realHost } from '../../src/cli/host.js';
import type { Verdict } from '../../src/index.js';
import type { ScoreResponse } from '../../src/model/score.js';
import { attemptFolder, FILES, readVerdicts } from '../../src/run/folder.js';
import { canonicalJson } from '../../src/util/hash.js';
import { seededRandom, shuffled } from '../../src/util/random.js';
import { type Service, score, startService } from '../helpers/service.js';

/**
 * `npm run truth -- DATASET RUN... [flags of assay serve]`: asks the service for every patch of finished runs of `assay eval`, in two shuffled orders, two
 * at once, each patch twice, with a `kill -9` of the service in the first order; then one patch 100 times at once. Compares reward, outcome, reason, exit code,
 * lists of tests and strict verdict with what the runs hold; ends with 1 where any differs.
 */
const words = process.argv.slice(2);
const to = words.findIndex((word) => word.startsWith('-'));
const [dataset, ...runs] = to === -1 ? words : words.slice(0, to);
const flags = to === -1 ? [] : words.slice(to);
if (dataset === undefined || runs.length === 0)
  throw new Error('usage: npm run truth -- DATASET RUN... [flags of assay serve]');

const AT_ONCE = 2;
const AGAIN = 100;
const host = realHost();
const state = mkdtempSync(join(tmpdir(), 'assay-truth-'));

interface Known {
  readonly patch: string | null;
  readonly verdict: Verdict;
}

/** What a reward is made of; names of copies of tests, which are random, are left out. */
const essence = ({ outcome, reason, exitCode, tests, strict }: Verdict) =>
  canonicalJson({ outcome, reason, exitCode, tests, strict: [strict?.resolved, strict?.reason] });

const known: Known[] = [];
for (const run of runs)
  for (const verdict of await readVerdicts(run)) {
    const file = join(attemptFolder(run, verdict.instanceId, verdict.attempt), FILES.patch);
    const patch = existsSync(file) ? readFileSync(file, 'utf8') : null;
    if (verdict.outcome !== 'infra_error') known.push({ patch, verdict });
  }

const start = () =>
  startService([dataset, '-j', String(AT_ONCE), '--state', state, ...flags], {
    cache: host.cacheDir,
    env: { HOME: process.env['HOME'] ?? '' },
  });

const services: Service[] = [await start()];
const wrong: string[] = [];
let answers = 0;
let lost = 0;

/** The answer, by whichever service runs when it comes. */
async function ask(instanceId: string, patch: string | null): Promise<ScoreResponse> {
  for (;;) {
    const service = services.at(-1) as Service;
    try {
      const { body, status } = await score(service, { instance_id: instanceId, patch });
      if (status !== 503) return body;
    } catch {
      lost++;
    }
    await pause(500);
  }
}

/** Kills the service in the middle of its work, and starts it again on what it left. */
async function interrupt(): Promise<void> {
  await services.at(-1)?.stop('SIGKILL');
  services.push(await start());
}

const random = seededRandom(1);
for (const order of [1, 2]) {
  const queue = shuffled([...known, ...known], random);
  const half = queue.length / 2;
  const client = async () => {
    for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
      const { patch, verdict } = one;
      const asked = ask(verdict.instanceId, patch);
      if (order === 1 && queue.length === Math.floor(half)) await pause(200).then(interrupt);
      const { reward, verdict: found, failure } = await asked;
      answers++;
      const right =
        found !== null &&
        reward === (verdict.strict?.resolved === true ? 1 : 0) &&
        essence(found) === essence(verdict);
      if (right) continue;
      const here = found === null ? JSON.stringify(failure) : essence(found);
      wrong.push(
        `${verdict.instanceId} ${verdict.model}: eval ${essence(verdict)}, service ${reward} ${here}`,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
}

const graded = () =>
  services.flatMap(({ lines }) => lines).filter((line) => line.includes('"msg":"graded"')).length;
const before = graded();
const [first] = known.filter(({ patch }) => patch !== null);
if (first === undefined) throw new Error('the runs hold no patch');
const same = await Promise.all(
  Array.from({ length: AGAIN }, () => ask(first.verdict.instanceId, `again\n${first.patch}`)),
);
const rewards = new Set(same.map(({ reward }) => reward));
const different = new Set(known.map(({ patch, verdict }) => `${verdict.instanceId} ${patch}`)).size;
console.log(`${known.length} verdicts of ${runs.length} runs, ${different} different patches`);
console.log(
  `${answers} answers in two orders, ${wrong.length} differ; ${before} gradings, ${lost} answers lost by kill -9 and asked again`,
);
console.log(
  `${AGAIN} times the same request: ${graded() - before} grading, rewards ${[...rewards].join(', ')}`,
);
for (const line of wrong) console.log(`  ${line}`);
if (wrong.length > 0 || graded() - before !== 1 || rewards.size !== 1) process.exitCode = 1;
await services.at(-1)?.stop();
rmSync(state, { recursive: true, force: true });
