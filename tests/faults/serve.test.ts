import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { ScoreResponse } from '../../src/model/score.js';
import { seededRandom } from '../../src/util/random.js';
import { repeats } from '../helpers/repeats.js';
import { post, type Service, score, startService } from '../helpers/service.js';
import { mountSmallDisk } from './full-disk.js';
import { expectWhole, pendingIn, verdictFile } from './kept.js';
import { askAndWait, gradings, knownPatches, load, type Target, wrongOf } from './service-load.js';

const KILLS = repeats(25, 8);
const FULL_DISKS = repeats(6, 3);
const random = seededRandom(20260102);
let work = '';
let cache = '';
/** All services of a test, one after the other. */
let lives: Service[] = [];

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-serve-faults-'));
  cache = join(work, 'cache');
});
afterEach(async () => {
  const last = lives.at(-1);
  lives = [];
  if (last?.child.exitCode === null && last.child.signalCode === null) await last.stop('SIGKILL');
});
afterAll(() => rm(work, { recursive: true, force: true }));

async function start(state: string, onStart?: (child: Service['child']) => void): Promise<Service> {
  const args = ['sample', '--state', state, '-j', '2', '-t', '60'];
  const service = await startService(args, { cache, ...(onStart === undefined ? {} : { onStart }) });
  lives.push(service);
  return service;
}

const sandboxes = () => readdir(join(cache, 'local', 'workspaces')).catch(() => []);
test(`a service that is killed ${KILLS} times at random moments gives each patch its true reward, and grades none again that it has graded`, async () => {
  const state = join(work, 'killed');
  const from = performance.now();
  const target: Target = await start(state);
  // What can be done in so many milliseconds depends on the machine, and on what else it does.
  const startMs = performance.now() - from;
  let kills = 0;
  let early = 0;
  const killing = (async () => {
    for (let [service] = lives; service !== undefined && kills < KILLS; kills++) {
      await sleep((0.2 + 0.8 * random()) * startMs);
      await service.stop('SIGKILL');
      // Some don't live until they are ready.
      while (kills % 4 === 3 && early < kills / 4) {
        const ms = 100 + 0.6 * random() * startMs;
        await start(state, (child) => setTimeout(() => child.kill('SIGKILL'), ms)).catch(() => undefined);
        early++;
      }
      service = await start(state);
      target.url = service.url;
    }
  })();
  const options = { clients: 9, patches: knownPatches('killed'), isOver: () => kills >= KILLS };
  const [got] = await Promise.all([load(target, options), killing]);
  const counts = gradings(lives);
  expect(wrongOf(got)).toEqual([]);
  expect(got.length).toBeGreaterThan(KILLS);
  expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
  expect(lives.flatMap(({ lines }) => lines).filter((line) => line.includes('warning'))).toEqual([]);
  // A verdict from before a crash is the one that is given ever after.
  for (const { key } of got.slice(0, 20)) {
    const response = await fetch(`${target.url}/v1/jobs/${key}?strict=false`);
    expect([response.status, ((await response.json()) as ScoreResponse).cached]).toEqual([200, true]);
  }
  expect(await lives.at(-1)?.stop()).toBe(0);
  expect([await pendingIn(state), await sandboxes()]).toEqual([[], []]);
  await expectWhole(
    state,
    got.map(({ key }) => key),
  );
  console.log(
    `${kills} kills, ${early} while it started: ${got.length} rewards, ${counts.size} gradings logged`,
  );
}, 400_000);

test('a service that is told to stop answers what runs, puts off what waits until its next start, and is held by no client', async () => {
  const state = join(work, 'stopped');
  const first = await start(state);
  const patches = knownPatches('stopped');
  const all = Array.from({ length: 16 }, () => patches.next().value);
  const asked = all.map(({ request }) => score(first, request));
  const { hostname, port } = new URL(first.url);
  const half = connect(Number(port), hostname).on('error', () => undefined);
  half.write(
    'POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
  );
  await Promise.race(asked);
  const from = performance.now();
  const ended = first.stop('SIGTERM');
  const answers = await Promise.all(asked);
  expect(await ended).toBe(0);
  expect(performance.now() - from).toBeLessThan(25_000);
  half.destroy();
  const put = answers.filter(({ status }) => status === 503);
  expect(put.length).toBeGreaterThan(0);
  for (const { headers, body } of put) {
    expect(headers.get('retry-after')).toMatch(/^\d+$/);
    expect(body).toMatchObject({ reward: null, failure: { code: 'draining', retryable: true } });
  }
  answers.forEach(({ status, body }, index) => {
    if (status !== 503) expect([status, body.reward]).toEqual([200, all[index]?.reward]);
  });
  expect((await pendingIn(state)).length).toBe(put.length);
  expect(await sandboxes()).toEqual([]);
  // Nobody asks again.
  const second = await start(state);
  for (let waited = 0; (await pendingIn(state)).length > 0 && waited < 600; waited++) await sleep(100);
  const later = await Promise.all(all.map(({ request }) => score(second, request)));
  expect(later.map(({ body }) => [body.reward, body.cached])).toEqual(
    all.map(({ reward }) => [reward, true]),
  );
  const counts = gradings(lives);
  expect(later.map(({ body }) => counts.get(body.key))).toEqual(all.map(() => 1));
});

test('a service whose disk is full again and again says so, never gives 0 for it, and goes on when there is space', async () => {
  const state = join(work, 'full');
  const disk = await mountSmallDisk(state);
  if (disk === undefined) return void process.stderr.write('Skipped the full disk: no right to mount.\n');
  try {
    const service = await start(state);
    const patches = knownPatches('full');
    await disk.fill();
    const { request, reward } = patches.next().value;
    const failed = await score(service, request);
    expect([failed.status, failed.body]).toMatchObject([
      200,
      { status: 'unscorable', reward: null, failure: { class: 'infra', code: 'disk_full' } },
    ]);
    const job = await post<{ key: string; url: string }>(`${service.url}/v1/jobs`, request);
    const told = await fetch(`${service.url}${job.body.url}`);
    expect([told.status, ((await told.json()) as ScoreResponse).failure?.code]).toEqual([200, 'disk_full']);
    await disk.free();
    expect((await score(service, request)).body).toMatchObject({ reward, cached: false });
    let fills = 0;
    const filling = (async () => {
      for (; fills < FULL_DISKS; fills++) {
        await sleep(300 + random() * 900);
        await disk.fill();
        await sleep(200 + random() * 500);
        await disk.free();
      }
    })();
    const options = { clients: 4, patches, isOver: () => fills >= FULL_DISKS };
    const [got] = await Promise.all([load(service, options), filling]);
    expect(wrongOf(got)).toEqual([]);
    expect(got.flatMap(({ failures }) => failures)).toContain('disk_full');
    await expectWhole(
      state,
      got.map(({ key }) => key),
    );
    expect(await service.stop()).toBe(0);
    expect(await sandboxes()).toEqual([]);
  } finally {
    disk.remove();
  }
});

test('damaged files of a service are told and not believed: their patches are graded anew', async () => {
  const state = join(work, 'damaged');
  const patches = knownPatches('damaged');
  const all = Array.from({ length: 6 }, () => patches.next().value);
  const service = await start(state);
  const keys = await Promise.all(all.map(async (known) => (await askAndWait(known, service)).key));
  await service.stop();
  const [cut = '', empty = '', nothing = '', another = '', missing = ''] = keys.map((key) =>
    verdictFile(state, key),
  );
  await truncate(cut, 200);
  await truncate(empty, 0);
  await writeFile(nothing, 'null');
  await writeFile(another, JSON.stringify({ outcome: 'resolved', strict: { resolved: true } }));
  await rm(missing);
  const garbage = [
    '',
    '\0\x1b[2J',
    'null',
    '[]',
    '{}',
    '5',
    '{"instance_id": 5}',
    '{"instance_id": "\\u001b[2J", "patch": 7}',
  ];
  for (const [index, text] of garbage.entries())
    await writeFile(join(state, 'pending', `${`${index}`.repeat(64)}.json`), text);
  await mkdir(join(state, 'pending', `${'f'.repeat(64)}.json`));
  // A file of which a crash left a part.
  await writeFile(join(state, 'pending', `${keys[0]}.json.1.abcd.tmp`), '{"instance');
  const next = await start(state);
  const got = await Promise.all(all.map((known) => askAndWait(known, next)));
  expect(wrongOf(got)).toEqual([]);
  const counts = gradings([next]);
  expect(keys.map((key) => counts.get(key) ?? 0)).toEqual([1, 1, 1, 1, 1, 0]);
  for (const path of [cut, empty, nothing, another])
    expect(next.lines).toContainEqual(expect.stringContaining(`${path} is not used`));
  const warnings = next.lines.filter((line) => line.includes('pending') || line.includes('another start'));
  expect(warnings).toHaveLength(garbage.length + 1);
  expect(next.lines.filter((line) => /[\0-\x1f]/.test(line))).toEqual([]);
});
