import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readVerdicts } from '../../src/run/folder.js';
import { sha256 } from '../../src/util/hash.js';
import { packageRoot } from '../../src/util/package.js';
import { seededRandom, shuffled } from '../../src/util/random.js';
import { assay } from '../helpers/cli.js';
import { repeats } from '../helpers/repeats.js';
import { type Service, sampleRows, score, startService } from '../helpers/service.js';

const MIXED = join(packageRoot(), 'datasets', 'sample', 'predictions', 'mixed.jsonl');
const TIMEOUT = ['--timeout', '8'];
let cache = '';
let service: Service;

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'assay-serve-'));
  service = await startService(['sample', '-j', '2', ...TIMEOUT], { cache });
});
afterAll(async () => {
  await service.stop();
  await rm(cache, { recursive: true, force: true });
});

const EVERY = repeats(1, 2);

interface Prediction {
  readonly instance_id: string;
  readonly model_patch: string | null;
}

/** Mixed ones, right ones, those of the next instance, and none: 100, or every second of them. */
async function predictions(): Promise<readonly Prediction[]> {
  const rows = sampleRows();
  const mixed = (await readFile(MIXED, 'utf8')).trim().split('\n');
  return [
    ...mixed.map((line) => JSON.parse(line) as Prediction),
    ...rows.map(({ instance_id, patch }) => ({ instance_id, model_patch: patch })),
    ...rows.map(({ instance_id }, at) => ({
      instance_id,
      model_patch: rows[(at + 1) % rows.length]?.patch ?? '',
    })),
    ...rows.slice(0, 4).map(({ instance_id }) => ({ instance_id, model_patch: null })),
  ]
    .filter((_, at) => at % EVERY === 0)
    .map(({ instance_id, model_patch }) => ({ instance_id, model_patch }));
}

test('a reward is the verdict of assay eval, whatever the order, how many at once and how often', async () => {
  const all = await predictions();
  expect(all).toHaveLength(100 / EVERY);
  const file = join(cache, 'predictions.jsonl');
  const lines = all.map((one) => JSON.stringify({ ...one, model_name_or_path: 'm' }));
  await writeFile(file, `${lines.join('\n')}\n`);
  const run = await assay(
    ['eval', 'sample', '-p', file, '-j', '2', '-q', '-o', join(cache, 'run'), ...TIMEOUT],
    { cwd: cache, cache },
  );
  expect(run.code).toBe(0);
  const idOf = (instanceId: string, patch: string | null) => `${instanceId} ${sha256(patch ?? '')}`;
  const verdicts = new Map(
    (await readVerdicts(join(cache, 'run'))).map((one) => [`${one.instanceId} ${one.patchSha256}`, one]),
  );

  const random = seededRandom(1);
  const wrong: string[] = [];
  const ask = async ({ instance_id, model_patch: patch }: Prediction, strict: boolean) => {
    const { status, body } = await score(service, { instance_id, patch, strict });
    const verdict = verdicts.get(idOf(instance_id, patch));
    const isRight = strict ? verdict?.strict?.resolved === true : verdict?.outcome === 'resolved';
    const same =
      status === 200 &&
      body.reward === (isRight ? 1 : 0) &&
      body.verdict?.outcome === verdict?.outcome &&
      body.verdict?.reason === verdict?.reason &&
      JSON.stringify(body.tests) === JSON.stringify(verdict?.tests ?? null);
    if (!same) wrong.push(`${instance_id} ${strict}: ${JSON.stringify(body)}`);
  };
  for (const [round, atOnce] of [all.length, 7, 1].entries()) {
    const queue = shuffled(all, random);
    const client = async () => {
      for (let one = queue.pop(); one !== undefined; one = queue.pop()) await ask(one, round !== 1);
    };
    await Promise.all(Array.from({ length: atOnce }, client));
  }
  expect(wrong).toEqual([]);
  const graded = service.lines.filter((line) => line.includes('"msg":"graded"'));
  const different = new Set(
    all.map((one) => `${idOf(one.instance_id, one.model_patch)} ${one.model_patch === null}`),
  );
  // Each once with strict verdicts, and once without.
  expect(graded).toHaveLength(2 * different.size);
});

test('the same request a thousand times is one grading', async () => {
  const [row] = sampleRows();
  const request = { instance_id: row?.instance_id ?? '', patch: `again\n${row?.patch}` };
  const before = service.lines.length;
  const answers = await Promise.all(Array.from({ length: 1000 }, () => score(service, request)));
  expect(new Set(answers.map(({ body }) => body.reward))).toEqual(new Set([1]));
  expect(new Set(answers.map(({ body }) => body.key)).size).toBe(1);
  expect(service.lines.slice(before).filter((line) => line.includes('"msg":"graded"'))).toHaveLength(1);
});
