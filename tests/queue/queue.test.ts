import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/queue/database.js';
import type { Answered } from '../../src/queue/submitter.js';
import type { Graded } from '../../src/queue/worker.js';
import { testClock } from '../helpers/jobs.js';
import { noPostgres, type Postgres, startPostgres } from '../helpers/postgres.js';
import { broken, found, gate, LEASE, openWorld, resolved, until, type World } from './world.js';

const withPostgres = noPostgres === undefined ? describe : describe.skip;
const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const outcomeOf = ({ result }: Answered) =>
  'error' in result ? result.error.code : [result.verdict.outcome, result.verdict.reason];

withPostgres(`the queue${noPostgres === undefined ? '' : ` (${noPostgres})`}`, () => {
  let postgres: Postgres;
  let world: World;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.remove());
  beforeEach(async () => {
    world = await openWorld(postgres);
  });
  afterEach(async () => {
    await world.close();
    await postgres.query('DROP SCHEMA assay_1 CASCADE');
  });
  /** A worker whose gradings end when the gate is open. */
  const gated = (name: string, { opened }: ReturnType<typeof gate>, end: (key: string) => Graded) =>
    world.worker({
      name,
      async grade({ key }) {
        await opened;
        return end(key);
      },
    });
  const tasks = <Row extends Record<string, unknown>>(columns: string) =>
    postgres.query<Row>(`SELECT ${columns} FROM assay_1.tasks ORDER BY id`);

  test('has an order graded once, however often it is given, and brings verdict and logs', async () => {
    const logs = new Map([['test.log.gz', Buffer.from([0, 1, 255])]]);
    const worker = world.worker({ grade: async ({ key }) => found(key, { evidence: logs }) });
    const one = world.submit('a');
    const first = await one;
    const other = await openWorld(postgres);
    const second = await other.submit('a');
    await other.close();
    expect(first.result).toEqual({ verdict: resolved('a') });
    expect(second.result).toEqual(first.result);
    expect(first.evidence.get('test.log.gz')).toEqual(Buffer.from([0, 1, 255]));
    expect(worker.begun).toEqual(['a']);
  });

  test('carries patches with characters that a database may refuse', async () => {
    const patch = 'a\u0000b\ud800c \u2028 é';
    const seen: (string | null)[] = [];
    world.worker({
      async grade({ key, payload }) {
        seen.push(payload.prediction.patch);
        return found(key, { found: { ...resolved(key), detail: patch } });
      },
    });
    const prediction = { instanceId: 'a', model: 'm', attempt: 1, patch, notes: [] };
    const payload = { asked: { patch: null }, rowHash: 'r', prediction, testSeconds: 1 };
    const { result } = await world.submit('a', { payload });
    expect(seen).toEqual([patch]);
    expect(result).toMatchObject({ verdict: { detail: patch } });
  });

  test('has a fault of a machine tried on another one first', async () => {
    const hosts: string[] = [];
    for (const name of ['bad', 'good'])
      world.worker({
        name,
        slots: 1,
        async grade({ key }) {
          hosts.push(name);
          return hosts.length === 1 ? broken(key, 'disk_full') : found(key);
        },
      });
    await until(async () => (await world.submitter.workers()).names.length === 2, 'two workers');
    const { result } = await world.submit('a');
    expect(result).toMatchObject({ verdict: { outcome: 'resolved', tries: 2 } });
    expect(new Set(hosts)).toEqual(new Set(['bad', 'good']));
  });

  test('ends a fault that stays as unscorable after the tries of the order, and tries anew when asked again', async () => {
    let isMended = false;
    const worker = world.worker({ grade: async ({ key }) => (isMended ? found(key) : broken(key)) });
    expect(outcomeOf(await world.submit('a', { retries: 1 }))).toEqual(['infra_error', 'engine_failed']);
    expect(worker.begun).toEqual(['a', 'a']);
    isMended = true;
    expect(outcomeOf(await world.submit('a', { retries: 1 }))).toEqual(resolvedOutcome);
  });

  test('does not try again on the same machine what cannot pass there', async () => {
    const worker = world.worker({ grade: async ({ key }) => broken(key, 'disk_full') });
    expect(outcomeOf(await world.submit('a'))).toEqual(['infra_error', 'disk_full']);
    expect(worker.begun).toEqual(['a']);
  });

  test('gives the tasks of a worker that is cut off to others after its lease; its late verdict is dropped', async () => {
    const held = gate();
    const lost = gated('lost', held, (key) => found(key, { found: { ...resolved(key), detail: 'late' } }));
    const answers = ['a', 'b'].map((key) => world.submit(key));
    await until(() => lost.begun.length === 2, 'both are begun');
    const from = performance.now();
    lost.cut(true);
    const other = world.worker({ name: 'other' });
    expect((await Promise.all(answers)).map(outcomeOf)).toEqual([resolvedOutcome, resolvedOutcome]);
    expect((performance.now() - from) / 1000).toBeGreaterThan(LEASE / 2);
    expect([...other.begun].sort()).toEqual(['a', 'b']);
    const before = await tasks('key, result::text, done_at');
    held.open();
    lost.cut(false);
    await lost.drain();
    expect(await tasks('key, result::text, done_at')).toEqual(before);
    expect(before.every(({ result }) => !String(result).includes('late'))).toBe(true);
  });

  test('takes the late verdict of a worker that was cut off when there is none yet; the second is dropped', async () => {
    const held = gate();
    const slow = gate();
    const lost = gated('lost', held, (key) => found(key, { found: { ...resolved(key), detail: 'first' } }));
    const answer = world.submit('a');
    await until(() => lost.begun.length === 1, 'it is begun');
    lost.cut(true);
    const other = gated('other', slow, (key) =>
      found(key, { found: { ...resolved(key), detail: 'second' } }),
    );
    await until(() => other.begun.length === 1, 'another has it');
    held.open();
    lost.cut(false);
    expect((await answer).result).toMatchObject({ verdict: { detail: 'first' } });
    slow.open();
    await other.drain();
    const [row] = await tasks<{ result: string }>('result::text');
    expect(row?.result).toContain('first');
  });

  test('drops the fault that a worker reports when it has lost the task', async () => {
    const held = gate();
    const slow = gate();
    const lost = gated('lost', held, (key) => broken(key));
    const answer = world.submit('a', { retries: 0 });
    await until(() => lost.begun.length === 1, 'it is begun');
    lost.cut(true);
    const other = gated('other', slow, (key) => found(key));
    await until(() => other.begun.length === 1, 'another has it');
    held.open();
    lost.cut(false);
    await lost.drain();
    slow.open();
    expect(outcomeOf(await answer)).toEqual(resolvedOutcome);
  });

  test('ends a task that ends its workers as poisoned, and none of its neighbours', async () => {
    const never = new Promise<never>(() => {});
    const die: (() => void)[] = [];
    let deaths = 0;
    /** Followed by a new one when it dies, as a supervisor does. */
    const launch = (): void => {
      const worker = world.worker({
        slots: 3,
        async grade({ key }) {
          if (key !== 'poison') {
            // Neighbours take long enough to be there when it ends.
            await sleep(0.3);
            return found(key);
          }
          worker.cut(true);
          deaths++;
          setTimeout(launch, 100);
          return never;
        },
      });
      die.push(() => worker.cut(false));
    };
    const answers = ['poison', 'a', 'b', 'c', 'd'].map((key) => world.submit(key));
    launch();
    expect((await Promise.all(answers)).map(outcomeOf)).toEqual([
      'poisoned',
      ...Array.from({ length: 4 }, () => resolvedOutcome),
    ]);
    expect(deaths).toBe(3);
    for (const mend of die) mend();
  });

  test('leaves a task to workers that would judge by the same row and rules, and says when there are none for long', async () => {
    await world.close();
    world = await openWorld(postgres, 1);
    const worker = world.worker({ offers: ['other'] });
    // Later than the database's start by more than the patience.
    await sleep(1);
    const [unfit, fit] = await Promise.all([world.submit('a'), world.submit('b', { question: 'other' })]);
    expect(unfit?.result).toMatchObject({
      error: { code: 'no_worker', message: expect.stringContaining('1 s') },
    });
    expect(outcomeOf(fit as Answered)).toEqual(resolvedOutcome);
    expect(worker.begun).toEqual(['b']);
  });

  test('prefers, on a worker, the images that it has, and starves no other', async () => {
    const answers = [];
    for (const [key, image] of [
      ['y1', 'y'],
      ['x1', 'x'],
      ['y2', 'y'],
      ['x2', 'x'],
    ] as const)
      answers.push(world.submit(key, { images: [image] }));
    await until(async () => (await tasks('key')).length === 4, 'all are there');
    await postgres.query(
      `UPDATE assay_1.tasks SET queued_at = now() - CASE key WHEN 'y2' THEN interval '1 h' WHEN 'x1' THEN interval '2 s' ELSE interval '1 s' END`,
    );
    const worker = world.worker({ slots: 1, images: async () => ['x'] });
    await Promise.all(answers);
    // The one that has waited for long, those whose image is here, the others.
    expect(worker.begun).toEqual(['y2', 'x1', 'x2', 'y1']);
  });

  test('gives back the tasks of a worker that is killed at once, without a word against them', async () => {
    const worker = world.worker({ grade: () => new Promise<never>(() => {}), leaseSeconds: 600 });
    const answer = world.submit('a');
    await until(() => worker.begun.length === 1, 'it is begun');
    await worker.kill();
    expect(await tasks('worker, deaths')).toEqual([{ worker: null, deaths: 0 }]);
    world.worker();
    expect(outcomeOf(await answer)).toEqual(resolvedOutcome);
  });

  test('lets what a draining worker has begun end, and gives it no more', async () => {
    const held = gate();
    const worker = world.worker({
      slots: 1,
      async grade({ key }) {
        await held.opened;
        return found(key);
      },
    });
    const answer = world.submit('a');
    await until(() => worker.begun.length === 1, 'it is begun');
    const drained = worker.drain();
    const next = world.submit('b');
    held.open();
    await drained;
    expect(outcomeOf(await answer)).toEqual(resolvedOutcome);
    expect(worker.begun).toEqual(['a']);
    world.worker();
    expect(outcomeOf(await next)).toEqual(resolvedOutcome);
  });

  test('puts orders again that a database which was set back has forgotten', async () => {
    const answer = world.submit('a');
    await until(async () => (await tasks('key')).length === 1, 'it is there');
    await postgres.query('DELETE FROM assay_1.tasks');
    await until(async () => (await tasks('key')).length === 1, 'it is there again');
    world.worker();
    expect(outcomeOf(await answer)).toEqual(resolvedOutcome);
  });

  test('ends a task whose answer the database refuses, for every worker, as unscorable', async () => {
    const evidence = new Map([['a\u0000b', Buffer.from('log')]]);
    const worker = world.worker({ grade: async ({ key }) => found(key, { evidence }) });
    const { result } = await world.submit('a');
    expect(result).toMatchObject({ error: { code: 'queue_unavailable' } });
    expect(worker.begun).toEqual(['a']);
  });

  test('leaves logs behind that are too large, and says so in the verdict', async () => {
    const evidence = new Map([['test.log.gz', Buffer.alloc(33 * 1024 ** 2)]]);
    world.worker({ grade: async ({ key }) => found(key, { evidence }) });
    const answered = await world.submit('a');
    expect(answered.evidence.size).toBe(0);
    expect(answered.result).toMatchObject({ verdict: { notes: [expect.stringMatching(/^log_left_out: /)] } });
  });

  test('takes back what nobody has begun', async () => {
    const answer = world.submit('a').catch((error: unknown) => error);
    await until(async () => (await tasks('key')).length === 1, 'it is there');
    await world.submitter.takeBack();
    expect(await answer).toMatchObject({ code: 'interrupted' });
    expect(await tasks('key')).toEqual([]);
  });

  test('says what is wrong with an address that holds no queue, without its password', async () => {
    const url = 'postgres://me:secret@127.0.0.1:1/none';
    const opening = openDatabase({ url, clock: testClock(), onWarning() {} });
    await expect(opening).rejects.toMatchObject({
      code: 'queue_unavailable',
      message: expect.stringMatching(
        /^the queue at postgres:\/\/me:\*\*\*@127\.0\.0\.1:1\/none can't be used: .*ECONNREFUSED/,
      ),
    });
  });

  test('comes through kills of the database under load: every order is answered, none is begun in vain or answered twice', async () => {
    const KEYS = Array.from({ length: 120 }, (_, index) => `k${index}`);
    const grade = async ({ key }: { readonly key: string }) => {
      await sleep(0.05 + (Number(key.slice(1)) % 5) * 0.02);
      return found(key, { evidence: new Map([['test.log.gz', Buffer.from(key)]]) });
    };
    const workers = ['one', 'two'].map((name) => world.worker({ name, slots: 4, grade }));
    let ended = 0;
    const answers = KEYS.map((key) => world.submit(key).finally(() => ended++));
    for (const share of [0.2, 0.5, 0.8]) {
      await until(() => ended >= share * KEYS.length, `${share} have ended`);
      await postgres.crash();
      await sleep(0.5);
      await postgres.start();
    }
    const all = await Promise.all(answers);
    expect(all.map(outcomeOf)).toEqual(KEYS.map(() => resolvedOutcome));
    expect(all.map(({ evidence }) => String(evidence.get('test.log.gz')))).toEqual(KEYS);
    // A lease that ended while the database was away is no reason to take a task from its worker.
    expect(workers.flatMap(({ begun }) => begun).sort()).toEqual([...KEYS].sort());
    expect(world.warnings).toContain('the queue is back');
  });
});

const resolvedOutcome = ['resolved', 'tests_passed'];
