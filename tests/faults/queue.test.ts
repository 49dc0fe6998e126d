import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readRun } from '../../src/run/folder.js';
import { packageRoot } from '../../src/util/package.js';
import { assay } from '../helpers/cli.js';
import { type Daemon, startWorker } from '../helpers/daemon.js';
import { noPostgres, type Postgres, startPostgres } from '../helpers/postgres.js';
import { repeats } from '../helpers/repeats.js';
import { type Service, sampleRows, score, startService } from '../helpers/service.js';

const PREDICTIONS = join(packageRoot(), 'datasets', 'sample', 'predictions', 'mixed.jsonl');
const LEASE = 4;
/** How many of the instances. */
const LIMIT = ['-n', String(repeats(32, 18))];
/** Namespaces of networks need root. */
const hasNamespaces = spawnSync('ip', ['netns', 'add', 'assay-probe']).status === 0;
if (hasNamespaces) spawnSync('ip', ['netns', 'delete', 'assay-probe']);
const noNamespaces = hasNamespaces ? undefined : 'no namespaces of networks here: needs root and iproute2';

const withPostgres = noPostgres === undefined ? describe : describe.skip;

withPostgres(`workers of a queue${noPostgres === undefined ? '' : ` (${noPostgres})`}`, () => {
  let work = '';
  let cache = '';
  let postgres: Postgres;
  let expected: Awaited<ReturnType<typeof results>>;
  const workers = new Set<Daemon>();

  /** What a run came to, without times. */
  async function results(folder: string) {
    const { verdicts } = await readRun(join(work, folder));
    return verdicts.map(({ instanceId, attempt, outcome, reason, tests, key, model, notes, strict }) => ({
      ...{ instanceId, attempt, outcome, reason, tests, key, model, notes },
      strict: [strict?.resolved, strict?.reason],
    }));
  }

  async function worker({ netns, url = postgres.url }: { netns?: string; url?: string } = {}) {
    const started = await startWorker([], {
      ...{ queue: url, leaseSeconds: LEASE, cwd: work, cache },
      under: netns === undefined ? [] : ['ip', 'netns', 'exec', netns],
    });
    workers.add(started);
    started.child.once('exit', () => workers.delete(started));
    return started;
  }

  async function until(holds: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
    const end = performance.now() + 60_000;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`not within 60 s: ${what()}`);
      await sleep(50);
    }
  }

  const evaluate = (id: string, ...more: string[]) =>
    assay([...['eval', 'sample', '-p', PREDICTIONS, '-t', '5', '-q', '--run-id', id], ...LIMIT, ...more], {
      cwd: work,
      cache,
    });
  const onQueue = (id: string) => evaluate(id, '--queue', postgres.url);
  const count = async (where: string) => {
    const [row] = await postgres.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM assay_1.tasks WHERE ${where}`,
    );
    return row?.n ?? 0;
  };
  const running = ({ child }: Daemon) =>
    count(`worker LIKE '%.${child.pid}.%' AND done_at IS NULL`).then((found) => found > 0);
  const verdictsOf = async (id: string) =>
    (await readFile(join(work, 'runs', id, 'events.jsonl'), 'utf8'))
      .split('\n')
      .filter((line) => line.startsWith('{"type":"verdict"')).length;

  /** The run is as one without a queue, each attempt was answered once, and each has the log that its verdict rests on. */
  async function expectWhole(id: string, result: Awaited<ReturnType<typeof assay>>) {
    expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
    expect(await results(join('runs', id))).toEqual(expected);
    expect(await verdictsOf(id)).toBe(expected.length);
    expect(await count('true')).toBe(0);
    await rm(join(work, 'runs', `${id}.v5`), { recursive: true, force: true });
    const regraded = await assay(['regrade', join('runs', id)], { cwd: work, cache });
    expect({ code: regraded.code, stderr: regraded.stderr }).toMatchObject({ code: 0 });
    const strip = (all: typeof expected) =>
      all.map(({ instanceId, outcome, reason }) => [instanceId, outcome, reason]);
    expect(strip(await results(join('runs', `${id}.v5`)))).toEqual(strip(expected));
  }

  const left = () => readdir(join(cache, 'local', 'workspaces')).catch(() => []);

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'assay-queue-'));
    cache = join(work, 'cache');
    postgres = await startPostgres();
    const plain = await evaluate('plain');
    expect({ code: plain.code, stderr: plain.stderr }).toMatchObject({ code: 0 });
    expected = await results(join('runs', 'plain'));
  });
  afterEach(async () => {
    for (const one of workers) await one.stop('SIGKILL');
  });
  afterAll(async () => {
    await postgres.remove();
    await rm(work, { recursive: true, force: true });
  });

  test('one of two killed with SIGKILL in mid-run: the run ends whole, and no container is left', async () => {
    const [one, two] = await Promise.all([worker(), worker()]);
    const run = onQueue('killed');
    await until(
      () => running(one),
      () => 'the first works',
    );
    await one.stop('SIGKILL');
    await expectWhole('killed', await run);
    expect(await two.stop()).toBe(0);
    expect(await left()).toEqual([]);
  });

  test('one of two stopped for longer than its lease: it answers nothing twice when it goes on', async () => {
    const [one, two] = await Promise.all([worker(), worker()]);
    const run = onQueue('stopped');
    await until(
      () => running(one),
      () => 'the first works',
    );
    one.child.kill('SIGSTOP');
    await until(
      async () => !(await running(one)),
      () => 'the other has taken over',
    );
    one.child.kill('SIGCONT');
    await expectWhole('stopped', await run);
    expect(await Promise.all([one.stop(), two.stop()])).toEqual([0, 0]);
    expect(await left()).toEqual([]);
  });

  test('PostgreSQL killed and started again, and the run itself: all go on where they were', async () => {
    const both = await Promise.all([worker(), worker()]);
    let child: ChildProcess | undefined;
    const first = assay(
      [
        ...['eval', 'sample', '-p', PREDICTIONS, '-t', '5', '-q', '--run-id', 'crashed'],
        ...LIMIT,
        '--queue',
        postgres.url,
      ],
      { cwd: work, cache, onStart: (started) => (child = started) },
    );
    await until(
      () =>
        verdictsOf('crashed').then(
          (found) => found > 3,
          () => false,
        ),
      () => 'some have ended',
    );
    await postgres.crash();
    await sleep(1000);
    child?.kill('SIGKILL');
    expect((await first).signal).toBe('SIGKILL');
    await postgres.start();
    await expectWhole('crashed', await onQueue('crashed'));
    for (const one of both) expect(await one.stop()).toBe(0);
    expect(await left()).toEqual([]);
  });

  test('a patch that ends each worker that tries it: it is poisoned, and all others have their verdicts', async () => {
    const victim = expected.find(({ outcome }) => outcome === 'resolved')?.instanceId ?? '';
    let kills = 0;
    let isOver = false;
    const supervise = async () => {
      const one = await worker();
      while (!isOver && one.child.exitCode === null) {
        const [row] = await postgres.query(
          `SELECT 1 FROM assay_1.tasks WHERE payload->'asked'->>'instance_id' = '${victim}' AND done_at IS NULL
             AND worker LIKE '%.${one.child.pid}.%'`,
        );
        if (row !== undefined) {
          kills++;
          await one.stop('SIGKILL');
          return;
        }
        await sleep(50);
      }
    };
    // Tables are there once a worker was.
    const keeper = (async () => {
      while (!isOver) await supervise();
    })();
    const result = await onQueue('poisoned');
    isOver = true;
    await keeper;
    expect(result.code).toBe(4);
    const all = await results(join('runs', 'poisoned'));
    expect(
      all
        .filter(({ outcome }) => outcome === 'infra_error')
        .map(({ instanceId, reason }) => [instanceId, reason]),
    ).toEqual([[victim, 'poisoned']]);
    const others = (list: typeof all) => list.filter(({ instanceId }) => instanceId !== victim);
    expect(others(all)).toEqual(others(expected));
    expect(kills).toBe(3);
  });

  test('a service on the queue, killed with requests under way: its next start answers them, each once', async () => {
    const one = await worker();
    const requests = sampleRows()
      .slice(0, 12)
      .map(({ instance_id, patch }) => ({ instance_id, patch }));
    const start = (): Promise<Service> => startService(['sample', '--queue', postgres.url], { cache });
    const before = await start();
    const begun = requests.map((request) => score(before, request).catch(() => undefined));
    await until(
      () => count('done_at IS NOT NULL').then((found) => found > 1),
      () => 'some are done',
    );
    await before.stop('SIGKILL');
    await Promise.all(begun);
    const service = await start();
    expect(service.lines.join('\n')).toMatch(/by the workers of the queue, \d+ gradings left from before/);
    const answers = await Promise.all(requests.map((request) => score(service, request)));
    expect(answers.map(({ body }) => [body.status, body.reward])).toEqual(requests.map(() => ['scored', 1]));
    expect(await count('is_true')).toBe(requests.length);
    expect(await count('claim > 1')).toBe(0);
    const ready = (await (await fetch(`${service.url}/readyz`)).json()) as {
      ready: boolean;
      engine: { message: string };
    };
    expect([ready.ready, ready.engine.message]).toEqual([true, '1 workers at the queue']);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/^assay_running 0$/m);
    expect(metrics).toMatch(/^assay_gradings_total\{outcome="resolved",reason="tests_passed"\} \d+$/m);
    expect(await service.stop()).toBe(0);
    expect(await one.stop()).toBe(0);
    await postgres.query('DELETE FROM assay_1.tasks');
  });

  (noNamespaces === undefined ? test : test.skip)(
    `two on hosts of their own, one cut off from the network in mid-run: the run ends whole${noNamespaces === undefined ? '' : ` (${noNamespaces})`}`,
    async () => {
      const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });
      const hosts = [1, 2].map((index) => ({
        netns: `assay-q${index}`,
        link: `assayq${index}`,
        net: `10.231.${index}`,
      }));
      const clean = () => {
        for (const { netns, link } of hosts) {
          spawnSync('ip', ['link', 'delete', link]);
          spawnSync('ip', ['netns', 'delete', netns]);
        }
      };
      clean();
      for (const { netns, link, net } of hosts) {
        ip('netns', 'add', netns);
        ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns);
        ip('addr', 'add', `${net}.1/24`, 'dev', link);
        ip('link', 'set', link, 'up');
        ip('-n', netns, 'addr', 'add', `${net}.2/24`, 'dev', 'eth0');
        ip('-n', netns, 'link', 'set', 'eth0', 'up');
      }
      const own = postgres;
      postgres = await startPostgres(hosts.map(({ net }) => `${net}.1`));
      try {
        const at = (index: number) => {
          const { netns = '', net = '' } = hosts[index] ?? {};
          return worker({ netns, url: `postgres://assay@${net}.1:${postgres.port}/postgres` });
        };
        const [one, two] = await Promise.all([at(0), at(1)]);
        const run = onQueue('apart');
        await until(
          () => running(one),
          () => 'the first works',
        );
        ip('link', 'set', 'assayq1', 'down');
        await expectWhole('apart', await run);
        ip('link', 'set', 'assayq1', 'up');
        // What it still held is answered, or dropped: there is nothing to answer any more.
        expect(await Promise.all([one.stop(), two.stop()])).toEqual([0, 0]);
        expect(await count('true')).toBe(0);
        expect(await left()).toEqual([]);
      } finally {
        for (const one of workers) await one.stop('SIGKILL');
        await postgres.remove();
        postgres = own;
        clean();
      }
    },
  );
});
