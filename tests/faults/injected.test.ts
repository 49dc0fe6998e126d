import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { readRun } from '../../src/run/folder.js';
import { packageRoot } from '../../src/util/package.js';
import { seededRandom } from '../../src/util/random.js';
import { assay } from '../helpers/cli.js';
import { describeWithDocker } from '../helpers/docker.js';
import { repeats } from '../helpers/repeats.js';
import { jumpyClock } from './clock-jumps.js';
import { type Ending, ending, runToItsEnd, sayings } from './disturbed.js';
import { startProxy } from './engine-proxy.js';
import { mountSmallDisk } from './full-disk.js';
import { containersWith, harassContainers } from './harass.js';
import { buildSampleImages, copyImages, type OwnEngine, startOwnEngine } from './own-engine.js';

/** Another seed is another course of faults. */
const SEED = Number(process.env['ASSAY_FAULT_SEED'] ?? 20260101);
const FAULTS = repeats(200, 25);
const ROUNDS = repeats(2, 1);
const COMMAND_KILLS = repeats(3, 1);
const FULL_DISKS = repeats(6, 2);
const TEST_SECONDS = 5;
const PREDICTIONS = join(packageRoot(), 'datasets', 'sample', 'predictions', 'mixed.jsonl');
const command = (id: string, engine = 'docker') => [
  ...['eval', 'sample', '-p', PREDICTIONS, '--engine', engine, '-j', '2', '-q', '--run-id', id],
  ...['-t', `${TEST_SECONDS}`, '--timeout-start', '6', '--timeout-apply', '6', '--timeout-pull', '6'],
];

await describeWithDocker(`a run of the sample benchmark with faults, seed ${SEED}`, ({ engine, image }) => {
  const machine = (process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock').replace('unix://', '');
  const random = seededRandom(SEED);
  const faults = new Map<string, number>();
  const onFault = (kind: string) => void faults.set(kind, (faults.get(kind) ?? 0) + 1);
  const total = () => [...faults.values()].reduce((sum, count) => sum + count, 0);
  const sum = { right: 0, infraErrors: 0, wrong: 0, lost: 0, left: 0 };
  let work = '';
  let cache = '';
  let expected: Awaited<ReturnType<typeof sayings>> = new Map();
  let own: Promise<OwnEngine | undefined> = Promise.resolve(undefined);

  afterAll(async () => {
    const kinds = [...faults].sort().map(([kind, count]) => `${kind} ${count}`);
    const { right, infraErrors, wrong, lost, left } = sum;
    console.log(
      `seed ${SEED}: ${kinds.join(', ')}: ${total()} faults; ${right + infraErrors + wrong} verdicts: ${right} right, ${infraErrors} infra_error, ${wrong} wrong, ${lost} lost; ${left} containers left`,
    );
    await (await own.catch(() => undefined))?.stop();
    await rm(work, { recursive: true, force: true });
  });

  /** Looks at what a disturbed run came to, and has it completed when all is well again. */
  async function settle(folder: string, disturbed: Ending, env: Readonly<Record<string, string>>) {
    sum.right += disturbed.right;
    sum.infraErrors += disturbed.infraErrors;
    sum.wrong += disturbed.wrong.length;
    sum.lost += disturbed.missing;
    const { code, stderr } = await assay(['retry', folder, '-j', '2', '-q'], { cwd: work, cache, env });
    const mended = await ending(folder, expected, code);
    expect({ seed: SEED, ...disturbed }).toMatchObject({ wrong: [], missing: 0 });
    expect({ seed: SEED, stderr, code, ...mended }).toMatchObject({
      ...{ code: 0, wrong: [], right: expected.size },
    });
  }

  async function round(id: string, killable: OwnEngine | undefined) {
    const label = `assay.run=${id}`;
    const folder = join(work, 'runs', id);
    const jumps = join(work, `${id}.jumps`);
    const socketPath = killable?.socketPath ?? machine;
    const proxy = await startProxy({
      ...{ upstream: socketPath, socketPath: join(work, `${id}.sock`), random, onFault },
      ...{ share: 0.06, stallMs: (TEST_SECONDS + 3) * 1000 },
    });
    const calm = new AbortController();
    const harassed = harassContainers({
      socketPath,
      label,
      random,
      everyMs: 1200,
      signal: calm.signal,
      onFault,
    });
    const restarted = (async () => {
      while (!calm.signal.aborted) {
        await sleep(4000 + random() * 3000, undefined, { signal: calm.signal }).catch(() => {});
        if (calm.signal.aborted) return;
        const ms = 300 + random() * 1500;
        onFault(killable === undefined ? 'connection to the engine lost' : 'engine killed and restarted');
        await (killable === undefined ? proxy.restart(ms) : killable.killAndRestart(ms));
      }
    })();
    let kills = COMMAND_KILLS;
    try {
      proxy.setFaulty(true);
      const code = await runToItsEnd({
        args: command(id),
        command: () => ({
          ...{ cwd: work, cache },
          env: { DOCKER_HOST: proxy.host, ...jumpyClock(jumps, Math.floor(random() * 1e6)) },
        }),
        killAfterMs: () => (kills > 0 ? 2000 + random() * 6000 : undefined),
        async onEnd({ code, signal }) {
          if (signal === 'SIGKILL') {
            kills--;
            onFault('command killed');
          }
          // A run that ended has removed its containers, without help from a later one.
          if (code === 0 || code === 4) sum.left += (await containersWith(socketPath, label)).length;
        },
      });
      calm.abort();
      await Promise.all([harassed, restarted]);
      proxy.setFaulty(false);
      for (const _ of (await readFile(jumps, 'utf8')).trimEnd().split('\n')) onFault('clock jump');
      await settle(folder, await ending(folder, expected, code), { DOCKER_HOST: proxy.host });
      expect([sum.left, await containersWith(socketPath, label)]).toEqual([0, []]);
    } finally {
      calm.abort();
      await Promise.all([harassed, restarted]);
      await proxy.close();
    }
  }

  test('that come later, is undisturbed', async () => {
    work = await mkdtemp(join(tmpdir(), 'assay-faults-'));
    cache = join(work, 'cache');
    const env = { DOCKER_HOST: `unix://${machine}` };
    await buildSampleImages(env.DOCKER_HOST, { base: image, folder: work });
    expect(await assay(command('calm'), { cwd: work, cache, env })).toMatchObject({ code: 0 });
    expected = await sayings(join(work, 'runs', 'calm'));
    expect(expected.size).toBe(32);
    const { verdicts } = await readRun(join(work, 'runs', 'calm'));
    // Every step of a script has worked, the one that sets test files back to the row's commit among them.
    const resolved = verdicts.filter(({ outcome }) => outcome === 'resolved');
    expect(resolved.map(({ exitCode }) => exitCode)).toEqual(resolved.map(() => 0));
    const images = new Set([image, ...verdicts.flatMap((verdict) => verdict.image ?? [])]);
    own = startOwnEngine(join(work, 'engine')).then(
      async (started) => {
        await copyImages(engine, started, [...images]);
        return started;
      },
      (error: Error) => {
        if (process.env['ASSAY_REQUIRE_DOCKER'] === '1') throw error;
        process.stderr.write(`No engine is killed, only connections: ${error.message}\n`);
        return undefined;
      },
    );
    own.catch(() => {});
  });

  test('ends with right verdicts and infra_errors alone, says what is missing, leaves no container, and can be completed', async () => {
    for (let index = 0; index < ROUNDS || total() < FAULTS; index++)
      await round(`faults-${process.pid}-${index}`, index % 2 === 1 ? undefined : await own);
    expect(total()).toBeGreaterThanOrEqual(FAULTS);
  }, 900_000);

  test('whose disk is full again and again does so, too', async () => {
    const disk = await mountSmallDisk(join(work, 'runs'));
    if (disk === undefined) return void process.stderr.write('Skipped the full disk: no right to mount.\n');
    let left = FULL_DISKS;
    try {
      const folder = join(work, 'runs', 'full');
      const code = await runToItsEnd({
        args: command('full', 'local'),
        command: () => {
          const isLast = left === 0;
          void sleep(500 + random() * 1500).then(async () => {
            if (!isLast) await disk.fill();
          });
          return { cwd: work, cache, env: {} };
        },
        killAfterMs: () => undefined,
        async onEnd({ code, stderr }) {
          await disk.free();
          if (code === 0 || code === 4) return;
          expect({ code, stderr }).toMatchObject({ code: 3, stderr: expect.stringContaining('disk_full') });
          left--;
          onFault('disk full');
        },
      });
      await settle(folder, await ending(folder, expected, code), {});
    } finally {
      disk.remove();
    }
  });
});
