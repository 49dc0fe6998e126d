import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from '@jest/globals';
import { extract } from 'tar-stream';
import { configOf, type ImageSpec, imageArchive } from '../../src/image/archive.js';
import { writeLayer } from '../../src/image/layer.js';
import { sha256 } from '../../src/util/hash.js';

const work = mkdtempSync(join(tmpdir(), 'assay-archive-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const BELOW = `sha256:${'b'.repeat(64)}`;

async function spec(): Promise<ImageSpec> {
  const content = 'text\n'.repeat(50_000);
  return {
    parent: {
      layers: [BELOW],
      labels: { below: '1', both: 'below' },
      config: {
        env: ['PATH=/bin'],
        workdir: '/below',
        cmd: ['bash'],
        entrypoint: [],
        user: '',
        architecture: 'amd64',
      },
    },
    layers: [
      await writeLayer([{ path: 'a', kind: 'file', content }], join(work, 'a.tar')),
      await writeLayer([{ path: 'b', kind: 'file', content: 'b' }], join(work, 'b.tar')),
    ],
    tag: 'made:latest',
    labels: { both: 'own', own: '2' },
    env: ['TZ=Etc/UTC'],
    comment: 'what it is',
  };
}

async function unpacked(image: ImageSpec): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = imageArchive(image).pipe(extract());
  for await (const entry of reader) files.set(entry.header.name, await buffer(entry));
  return files;
}

describe('the archive of an image', () => {
  test('holds a manifest, a configuration named by its hash, and the layers that are new', async () => {
    const image = await spec();
    const files = await unpacked(image);
    const [manifest] = JSON.parse(files.get('manifest.json')?.toString() ?? '') as [Record<string, unknown>];
    const config = files.get(String(manifest.Config));
    expect(manifest.Config).toBe(`${sha256(config as Buffer)}.json`);
    expect(manifest.RepoTags).toEqual(['made:latest']);
    const diffIds = [BELOW, ...image.layers.map(({ diffId }) => diffId)];
    expect(manifest.Layers).toEqual(diffIds.map((id) => `${id.replace('sha256:', '')}.tar`));
    expect([...files.keys()].sort()).toEqual(
      ['manifest.json', manifest.Config, ...(manifest.Layers as string[]).slice(1)].sort(),
    );
    for (const { file, diffId } of image.layers) {
      const layer = files.get(`${diffId.replace('sha256:', '')}.tar`) as Buffer;
      expect(`sha256:${sha256(layer)}`).toBe(diffId);
      expect(layer.equals(readFileSync(file))).toBe(true);
    }
  });

  test('adds labels, variables and layers to those of the image below, with a history entry for each layer', async () => {
    const image = await spec();
    const config = JSON.parse(configOf(image));
    expect(config).toMatchObject({
      architecture: 'amd64',
      os: 'linux',
      created: '2020-01-01T00:00:00Z',
      config: {
        Env: ['PATH=/bin', 'TZ=Etc/UTC'],
        Cmd: ['bash'],
        WorkingDir: '/below',
        Labels: { below: '1', both: 'own', own: '2' },
      },
      rootfs: { type: 'layers', diff_ids: [BELOW, ...image.layers.map(({ diffId }) => diffId)] },
    });
    expect(config.history).toHaveLength(config.rootfs.diff_ids.length);
    expect(JSON.parse(configOf({ ...image, workdir: '/testbed' })).config.WorkingDir).toBe('/testbed');
  });

  test('has the same configuration, and so the same image id, each time', async () => {
    expect(configOf(await spec())).toBe(configOf(await spec()));
  });

  test('whose layer file is gone is an error of the stream', async () => {
    const image = await spec();
    rmSync(image.layers[1]?.file as string);
    await expect(buffer(imageArchive(image))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('can be given up at any moment by who reads it', async () => {
    for (const chunks of [0, 1, 2, 3, 5, 9]) {
      const archive = imageArchive(await spec());
      let read = 0;
      if (chunks > 0) for await (const _ of archive) if (++read === chunks) break;
      archive.destroy(new Error('the engine is gone'));
      archive.on('error', () => {});
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
});
