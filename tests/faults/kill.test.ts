import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunEvent } from '../../src/index.js';
import { readRun } from '../../src/run/folder.js';
import { packageRoot } from '../../src/util/package.js';
import { seededRandom } from '../../src/util/random.js';
import { assay } from '../helpers/cli.js';
import { repeats } from '../helpers/repeats.js';

const KILLS = repeats(50, 12);
const PREDICTIONS = join(packageRoot(), 'datasets', 'sample', 'predictions', 'mixed.jsonl');
const COMMAND = ['eval', 'sample', '-p', PREDICTIONS, '-t', '5', '-j', '2', '-q', '--run-id', 'r'];

let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-kill-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** What a run came to, without times and folders. */
async function outcome(folder: string) {
  const { verdicts } = await readRun(folder);
  const rows = (await readFile(join(folder, 'report.csv'), 'utf8')).trimEnd().split('\n').length;
  return {
    rows,
    verdicts: verdicts.map(({ instanceId, attempt, outcome, reason, tests, key }) => ({
      ...{ instanceId, attempt, outcome, reason, tests, key },
    })),
  };
}

describe('a run that is killed with SIGKILL', () => {
  test(`${KILLS} times at random moments, each time resumed, loses no verdict, counts none twice and ends as an undisturbed one`, async () => {
    const cache = join(work, 'cache');
    const undisturbed = await assay(COMMAND, { cwd: join(work), cache });
    expect({ code: undisturbed.code, stderr: undisturbed.stderr }).toMatchObject({ code: 0 });
    const expected = await outcome(join(work, 'runs', 'r'));
    const random = seededRandom(20260101);
    let kills = 0;
    for (let round = 0; kills < KILLS; round++) {
      const cwd = join(work, `round-${round}`);
      await mkdir(cwd, { recursive: true });
      let result: Awaited<ReturnType<typeof assay>>;
      const seen = new Map<string, string>();
      do {
        const last = kills >= KILLS;
        result = await assay(COMMAND, {
          cwd,
          cache,
          onStart: (child) => {
            if (!last) setTimeout(() => child.kill('SIGKILL'), 300 + random() * 2200).unref();
          },
        });
        if (result.signal === 'SIGKILL') kills++;
        // What was there before the crash is there after it, unchanged.
        const folder = join(cwd, 'runs', 'r');
        const now = new Map(
          (await readRun(folder).catch(() => ({ verdicts: [] }))).verdicts.map((verdict) => [
            verdict.instanceId,
            verdict.finishedAt,
          ]),
        );
        for (const [id, finishedAt] of seen) expect([id, now.get(id)]).toEqual([id, finishedAt]);
        for (const [id, finishedAt] of now) seen.set(id, finishedAt);
      } while (result.signal === 'SIGKILL');
      expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
      const folder = join(cwd, 'runs', 'r');
      expect(await outcome(folder)).toEqual(expected);
      const events = (await readFile(join(folder, 'events.jsonl'), 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as RunEvent);
      const judged = events.flatMap((event) => (event.type === 'verdict' ? [event.verdict.instanceId] : []));
      expect(judged.sort()).toEqual(expected.verdicts.map(({ instanceId }) => instanceId).sort());
    }
    expect(await readdir(join(cache, 'local', 'workspaces')).catch(() => [])).toEqual([]);
  }, 900_000);
});
