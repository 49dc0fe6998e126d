import { describe, expect, test } from '@jest/globals';
import { buildContext } from '../../src/cli/builder.js';
import { commands } from '../../src/cli/commands.js';
import { knownCommands } from '../../src/cli/config-commands.js';
import { assertImagesHere } from '../../src/cli/offline.js';
import type { Engine } from '../../src/engine/engine.js';
import { fakeEngine } from '../helpers/fake-engine.js';
import { testHost } from '../helpers/host.js';
import { testJob } from '../helpers/jobs.js';

const { signal } = new AbortController();
const host = testHost('/nowhere');

/** Jobs of published images that can't be built. */
const jobs = ['a', 'b', 'c'].map((id) => {
  const job = testJob(id);
  return { ...job, spec: { ...job.spec, images: [`owner/${id}:latest`], recipe: undefined } };
});

test('every command that reads a dataset, or gets images of instances, has --offline', () => {
  const without = knownCommands(commands)
    .filter(({ flags }) =>
      ['revision', 'rate', 'allow-unisolated'].some((flag) => Object.hasOwn(flags, flag)),
    )
    .filter(({ flags }) => !Object.hasOwn(flags, 'offline'))
    .map(({ words }) => words.join(' '));
  expect(without).toEqual([]);
});

describe('before a run with --offline', () => {
  const engine = fakeEngine({ images: { 'owner/a:latest': 'sha256:1' } });

  test('images that are not here are named, each once', async () => {
    await expect(
      assertImagesHere([...jobs, ...jobs], { offline: true, engine, host, signal }),
    ).rejects.toMatchObject({
      code: 'image_missing',
      message: expect.stringMatching(/^--offline: 2 of 3 images are not in the engine: \S*b\S*, \S*c\S*$/),
    });
  });

  test('nothing is said where they are here, or without it', async () => {
    await assertImagesHere(jobs.slice(0, 1), { offline: true, engine, host, signal });
    await assertImagesHere(jobs, { offline: false, engine, host, signal });
    await assertImagesHere(jobs, { offline: true, engine: { ...engine, name: 'local' }, host, signal });
  });
});

test('a step of a build that fetches packages is refused, another one is not', async () => {
  const engine: Engine = fakeEngine({ images: { 'assay-base:latest': 'sha256:1' } });
  const { containers } = await buildContext({ offline: true }, host, {
    engine,
    signal,
    onLog: () => undefined,
  });
  const limits = { memoryBytes: 0, cpus: 0, pids: 0, network: true, capAdd: [] };
  const spec = { image: 'assay-base:latest', name: 'step', labels: {}, limits };
  await expect(containers.start(spec, signal)).rejects.toMatchObject({ code: 'image_missing' });
  await containers.start({ ...spec, limits: { ...limits, network: false } }, signal);
});
