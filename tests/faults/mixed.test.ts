import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { seededRandom } from '../../src/util/random.js';
import { type Daemon, startWorker } from '../helpers/daemon.js';
import { describeWithDocker } from '../helpers/docker.js';
import { noPostgres, type Postgres, startPostgres } from '../helpers/postgres.js';
import { repeats } from '../helpers/repeats.js';
import { startService } from '../helpers/service.js';
import { containersWith } from './harass.js';
import { expectWhole, pendingIn } from './kept.js';
import { type OwnEngine, startSampleEngine } from './own-engine.js';
import {
  askAndWait,
  gradings,
  type Known,
  knownPatches,
  load,
  type Target,
  wrongOf,
} from './service-load.js';
import { killAtRandom, type Supervised, supervise } from './victims.js';

/** Another seed is another course of kills. */
const SEED = Number(process.env['ASSAY_FAULT_SEED'] ?? 20260104);
const KILLS = repeats(50, 6);
/** Of the machine's pace: the short form is in a hurry. */
const PACE = repeats(1, 0.6);
const CLIENTS = 9;
const LEASE_SECONDS = 5;
/** One in so many patches has been asked for before. */
const ECHO = 4;

await describeWithDocker('a service on a queue with two workers', (docker) => {
  let work = '';
  let own: OwnEngine | undefined;
  let postgres: Postgres | undefined;
  const started: Supervised<Daemon>[] = [];

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'assay-mixed-'));
    if (noPostgres !== undefined) return void process.stderr.write(`Skipped mixed faults: ${noPostgres}\n`);
    [own, postgres] = await Promise.all([startSampleEngine(join(work, 'engine'), docker), startPostgres()]);
  });
  afterAll(async () => {
    for (const one of started) await one.stop('SIGKILL');
    await postgres?.remove();
    await own?.stop();
    await rm(work, { recursive: true, force: true });
  });

  test(`that are killed ${KILLS} times in all, as PostgreSQL and the engine are, seed ${SEED}: each patch has its true reward or none, once, and no container is left`, async () => {
    if (own === undefined || postgres === undefined) return;
    const [engine, database] = [own, postgres];
    const state = join(work, 'state');
    const options = { cache: join(work, 'cache'), cwd: work, env: { DOCKER_HOST: engine.host } };
    const target: Target = { url: '' };
    const from = performance.now();
    const service = await supervise('service', async () => {
      const args = ['sample', '--engine', 'docker', '--queue', database.url, '--state', state, '-t', '60'];
      const one = await startService(args, options);
      target.url = one.url;
      return one;
    });
    started.push(service);
    await noteEnds(database);
    const worker = () =>
      supervise('worker', () =>
        startWorker(
          [
            '--engine',
            'docker',
            ...['pull', 'start', 'apply'].flatMap((name) => [`--timeout-${name}`, '20']),
          ],
          { queue: database.url, leaseSeconds: LEASE_SECONDS, ...options },
        ),
      );
    const workers = await Promise.all([worker(), worker()]);
    started.push(...workers);
    const before = await askAndWait(knownPatches(`before ${SEED}`).next().value, target);
    // It depends on the machine, and on what else that does.
    const paceMs = PACE * (performance.now() - from);

    const kills: string[] = [];
    let isOver = false;
    const victims = [
      ...[service, ...workers],
      {
        kind: 'PostgreSQL',
        async killAndRestart(ms: number) {
          await database.crash();
          await sleep(ms);
          await database.start();
        },
      },
      { kind: 'engine', killAndRestart: engine.killAndRestart },
    ];
    const killing = killAtRandom(victims, {
      ...{ kills: KILLS, random: seededRandom(SEED), paceMs },
      onKill: (kind) => void kills.push(kind),
    }).finally(() => {
      isOver = true;
    });
    const asked: Known[] = [];
    const patches = withEchoes(knownPatches(`mixed ${SEED}`), seededRandom(SEED + 1), asked);
    const [got] = await Promise.all([
      load(target, { clients: CLIENTS, patches, isOver: () => isOver }),
      killing,
    ]);

    // All is well again.
    const after = await askAndWait(knownPatches(`after ${SEED}`).next().value, target);
    const [open] = await database.query('SELECT key FROM assay_1.tasks WHERE done_at IS NULL');
    const ends = await database.query<{ count: number }>(
      'SELECT count(*)::int FROM ends WHERE is_true GROUP BY key',
    );
    const codes = await Promise.all(started.map((one) => one.stop()));
    const left = await containersWith(engine.socketPath, 'assay.run');
    const scored = got.filter(({ reward }) => reward !== null);
    const unscorable = got.filter(({ reward }) => reward === null);
    const failures = got.flatMap((one) => one.failures);
    const twice = ends.filter(({ count }) => count > 1);
    console.log(
      `seed ${SEED}, ${KILLS} kills: ${counted(kills)}; ${asked.length} submitted, ${scored.length} scored, ${unscorable.length} unscorable, ` +
        `${wrongOf(scored).length} wrong; ${ends.length} true verdicts in the queue, ${twice.length} of them written twice; ` +
        `${failures.length} answers without a reward${failures.length === 0 ? '' : `: ${counted(failures)}`}; ${left.length} containers left`,
    );
    expect(wrongOf([before, ...scored, after])).toEqual([]);
    expect(asked.length).toBe(scored.length + unscorable.length);
    expect(scored.length).toBeGreaterThan(KILLS);
    expect([open, twice]).toEqual([undefined, []]);
    expect([...gradings(service.lives)].filter(([, count]) => count > 1)).toEqual([]);
    expect([codes, started.flatMap(({ strays }) => strays)]).toEqual([[0, 0, 0], []]);
    expect([left, await pendingIn(state)]).toEqual([[], []]);
    await expectWhole(
      state,
      scored.map(({ key }) => key),
    );
  }, 1_800_000);
});

/** Notes each end of an order, whoever writes it. */
async function noteEnds({ query }: Postgres): Promise<void> {
  await query(`
CREATE TABLE ends (key text, is_true boolean, result json);
CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO public.ends VALUES (NEW.key, NEW.is_true, NEW.result); RETURN NEW; END $$;
CREATE TRIGGER note_end AFTER UPDATE ON assay_1.tasks FOR EACH ROW
  WHEN (NEW.done_at IS NOT NULL AND (OLD.done_at IS NULL OR OLD.result::text IS DISTINCT FROM NEW.result::text))
  EXECUTE FUNCTION note_end()`);
}

/** Has some of the patches asked for again, and notes all. */
function* withEchoes(
  patches: Iterator<Known, never>,
  random: () => number,
  asked: Known[],
): Generator<Known, never> {
  for (;;) {
    const recent = asked.slice(-2 * CLIENTS);
    const again = random() * ECHO < 1 ? recent[Math.floor(random() * recent.length)] : undefined;
    const next = again ?? patches.next().value;
    asked.push(next);
    yield next;
  }
}

/** How often each word is there, for people. */
function counted(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .sort()
    .map(([word, count]) => `${word} ${count}`)
    .join(', ');
}
