import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { extract } from 'tar-stream';
import type { Container, ImageInfo } from '../../../src/engine/engine.js';
import { type ArchiveLayer, dockerArchive, tarOf } from '../../fixtures/engine/docker-archive.js';
import { describeWithDocker } from '../../helpers/docker.js';
import { errorOf, run } from './scenario.js';

const never = new AbortController().signal;
const LABELS = { 'assay.test': `real-images-${process.pid}` };

await describeWithDocker('images and archives in a real Docker engine', ({ engine, image }) => {
  const ref = `assay-test-load-${process.pid}:latest`;
  let base: ImageInfo;

  beforeAll(async () => {
    base = (await engine.images.inspect(image, never)) as ImageInfo;
  });
  afterAll(async () => {
    await engine.containers.reap(LABELS, () => true);
    await engine.images.remove(ref);
    await engine.close();
  });

  async function withContainer(of: string, use: (container: Container) => Promise<void>): Promise<void> {
    const container = await engine.containers.start(
      {
        image: of,
        name: `assay-archive-test-${process.pid}`,
        labels: LABELS,
        limits: { memoryBytes: 128 * 2 ** 20, cpus: 1, pids: 64, network: false, capAdd: [] },
      },
      never,
    );
    try {
      await use(container);
    } finally {
      await container.destroy();
    }
  }

  test('takes in an archive that holds only the layer above those it has', async () => {
    const below = base.layers.map((diffId) => ({ diffId }));
    const log: string[] = [];
    await engine.images.load(
      await dockerArchive({ ref, layers: [...below, { 'new/file': 'above' }], labels: LABELS }),
      { signal: never, onLog: (line) => log.push(line) },
    );
    expect(log).toEqual([`Loaded image: ${ref}`]);
    const made = await engine.images.inspect(ref, never);
    const diffId = `sha256:${createHash('sha256')
      .update(await tarOf({ 'new/file': 'above' }))
      .digest('hex')}`;
    expect(made).toMatchObject({
      ref,
      id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      layers: [...base.layers, diffId],
      labels: LABELS,
      config: {
        env: ['A=1'],
        workdir: '/work',
        cmd: ['sh'],
        entrypoint: [],
        user: '',
        architecture: 'amd64',
      },
    });
    await withContainer(ref, async (container) => {
      expect((await run(container, ['cat', '/new/file'], never)).stdout).toBe('above');
    });
  });

  test('an archive without a layer that the engine lacks fails with its words, and nothing is tagged', async () => {
    const missing = { diffId: `sha256:${'7'.repeat(64)}` };
    const name = `assay-test-broken-${process.pid}:latest`;
    const archive = await dockerArchive({ ref: name, layers: [missing] });
    expect(await errorOf(engine.images.load(archive, { signal: never }))).toMatchObject({
      code: 'image_build_failed',
      message: expect.stringContaining('layer.tar: no such file'),
    });
    expect(await engine.images.inspect(name, never)).toBeUndefined();
  });

  test('an archive that ends early or fails is an error that says why', async () => {
    const whole = await buffer(await dockerArchive({ ref, layers: [{ a: 'x'.repeat(1e5) }] }));
    const cut = errorOf(engine.images.load(Readable.from([whole.subarray(0, 5e4)]), { signal: never }));
    expect(await cut).toMatchObject({ code: 'image_build_failed' });
    const failing = new Readable({
      read() {
        this.destroy(new Error('the mirror is gone'));
      },
    });
    expect(await errorOf(engine.images.load(failing, { signal: never }))).toMatchObject({
      code: 'image_build_failed',
      message: expect.stringContaining('the mirror is gone'),
    });
    const closed = new Readable({ read() {} });
    setTimeout(() => closed.destroy(), 20);
    expect(await errorOf(engine.images.load(closed, { signal: never }))).toMatchObject({
      code: 'image_build_failed',
    });
  });

  test('an archive is unpacked, and what a command made of it can be read', async () => {
    await withContainer(image, async (container) => {
      const tar = await tarOf({ 'made/one': '1', 'made/deep/two': '22' });
      await container.putArchive(Readable.from([tar]), never);
      await run(container, ['mv', '/made/one', '/made/three'], never);
      const names: string[] = [];
      for await (const entry of (await container.read('/made', never)).pipe(extract())) {
        names.push(entry.header.name);
        entry.resume();
      }
      expect(names.sort()).toEqual(['made/', 'made/deep/', 'made/deep/two', 'made/three']);
      expect(await errorOf(container.read('/nothing', never))).toMatchObject({ code: 'engine_failed' });
    });
  });

  test('a large file is read as slowly as the reader takes it', async () => {
    await withContainer(image, async (container) => {
      await run(container, ['sh', '-c', 'head -c 50000000 /dev/zero >/big'], never);
      const stream = await container.read('/big', never);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(stream.readableLength).toBeLessThan(1e6);
      let bytes = 0;
      for await (const chunk of stream) bytes += (chunk as Buffer).length;
      expect(bytes).toBeGreaterThan(50_000_000);
    });
  });

  test('the size of each layer is told, of an image of our own and of the base', async () => {
    const layers: readonly ArchiveLayer[] = [{ small: 'x'.repeat(10) }, { large: 'y'.repeat(100_000) }];
    await engine.images.load(await dockerArchive({ ref, layers }), { signal: never });
    const made = await engine.images.inspect(ref, never);
    expect(await engine.images.layerSizes(ref, never)).toEqual([
      { diffId: made?.layers[0], bytes: 10 },
      { diffId: made?.layers[1], bytes: 100_000 },
    ]);
    const sizes = await engine.images.layerSizes(image, never);
    expect(sizes.map(({ diffId }) => diffId)).toEqual(base.layers);
    expect(sizes.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(base.sizeBytes);
    expect(await errorOf(engine.images.layerSizes('assay-test/none:1', never))).toMatchObject({
      code: 'image_missing',
    });
  });

  test('an image that was saved under two names can be loaded again', async () => {
    const second = `assay-test-second-${process.pid}:v2`;
    await engine.images.load(await dockerArchive({ ref, layers: [{ a: 'saved' }] }), { signal: never });
    await engine.images.tag(ref, second);
    const made = (await engine.images.inspect(second, never)) as ImageInfo;
    const saved = await buffer(await engine.images.save([ref, second], never));
    expect(await engine.images.remove(ref)).toBe(true);
    expect(await engine.images.remove(second)).toBe(true);
    expect(await engine.images.inspect(made.id, never)).toBeUndefined();
    await engine.images.load(Readable.from([saved]), { signal: never });
    for (const name of [ref, second])
      expect(await engine.images.inspect(name, never)).toMatchObject({ id: made.id });
    await engine.images.remove(second);
    expect(await errorOf(engine.images.save(['assay-test/none:1'], never))).toMatchObject({
      code: 'image_missing',
    });
    expect(await errorOf(engine.images.tag('assay-test/none:1', second))).toMatchObject({
      code: 'image_missing',
    });
  });

  test('an image that a container uses is told, and stays when it is removed', async () => {
    const below = base.layers.map((diffId) => ({ diffId }));
    await engine.images.load(await dockerArchive({ ref, layers: [...below, { a: 'used' }] }), {
      signal: never,
    });
    const { id } = (await engine.images.inspect(ref, never)) as ImageInfo;
    expect((await engine.images.inUse(never)).has(id)).toBe(false);
    await withContainer(ref, async () => {
      expect((await engine.images.inUse(never)).has(id)).toBe(true);
      expect(await engine.images.remove(ref)).toBe(false);
      expect(await engine.images.inspect(ref, never)).toMatchObject({ ref, id });
    });
    expect(await engine.images.remove(ref)).toBe(true);
    expect(await engine.images.inspect(ref, never)).toBeUndefined();
  });
});
