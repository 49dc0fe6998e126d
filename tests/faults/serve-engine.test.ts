import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { seededRandom } from '../../src/util/random.js';
import { describeWithDocker } from '../helpers/docker.js';
import { repeats } from '../helpers/repeats.js';
import { type Service, score, startService } from '../helpers/service.js';
import { containersWith } from './harass.js';
import { type OwnEngine, startSampleEngine } from './own-engine.js';
import { gradings, knownPatches, load, wrongOf } from './service-load.js';

const KILLS = repeats(10, 3);
const random = seededRandom(20260103);

await describeWithDocker('a service whose engine dies and comes back', (docker) => {
  let work = '';
  let own: OwnEngine | undefined;
  let service: Service | undefined;

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'assay-serve-engine-'));
    own = await startSampleEngine(join(work, 'engine'), docker);
    if (own === undefined) return;
    const args = ['sample', '--engine', 'docker', '-j', '2', '-t', '60', '--timeout-start', '8'];
    service = await startService([...args, '--state', join(work, 'state')], {
      cache: join(work, 'cache'),
      env: { DOCKER_HOST: own.host },
    });
  });
  afterAll(async () => {
    if (service?.child.exitCode === null) await service.stop('SIGKILL');
    await own?.stop();
    await rm(work, { recursive: true, force: true });
  });

  test(`${KILLS} times gives each patch its true reward, or none and asks for patience, and leaves no container`, async () => {
    if (own === undefined || service === undefined) return;
    const [killable, { child, lines }] = [own, service];
    let kills = 0;
    const killing = (async () => {
      for (; kills < KILLS; kills++) {
        await sleep(2000 + random() * 3000);
        await killable.killAndRestart(300 + random() * 2500);
      }
    })();
    const options = { clients: 4, patches: knownPatches('engine'), isOver: () => kills >= KILLS };
    const [got] = await Promise.all([load(service, options), killing]);
    expect(wrongOf(got)).toEqual([]);
    expect(got.length).toBeGreaterThan(KILLS);
    expect([...gradings([service])].filter(([, count]) => count > 1)).toEqual([]);
    expect(child.exitCode).toBeNull();
    // All is well again: so is the service, without a restart.
    const { request, reward } = knownPatches('after').next().value;
    expect((await score(service, request)).body.reward).toBe(reward);
    expect(await service.stop()).toBe(0);
    expect(await containersWith(killable.socketPath, 'assay.run')).toEqual([]);
    const failures = got.flatMap(({ failures }) => failures);
    const retried = lines.filter((line) => line.includes('"a try failed"')).length;
    expect(failures.length + retried).toBeGreaterThan(0);
    console.log(
      `${KILLS} kills: ${got.length} rewards, ${retried} tries failed, ${failures.length} answers without a reward: ${[...new Set(failures)].join(', ')}`,
    );
  }, 400_000);
});
