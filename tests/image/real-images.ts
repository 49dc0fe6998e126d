import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import type { Engine, ImageInfo } from '../../src/engine/engine.js';
import { environmentTag } from '../../src/image/environment.js';
import { environmentKey } from '../../src/image/recipe.js';
import type { ImageEnvironment } from '../../src/model/eval-spec.js';
import { sha256 } from '../../src/util/hash.js';

const never = new AbortController().signal;

/** Trimmed output of a bash script in a new container of an image, without a network. */
export async function bashIn(
  engine: Engine,
  image: string,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const container = await engine.containers.start(
    {
      image,
      name: `assay-image-test-${process.pid}`,
      labels: { 'assay.test': 'image' },
      limits: { memoryBytes: 2 ** 30, cpus: 2, pids: 256, network: false, capAdd: [] },
    },
    never,
  );
  const chunks: Uint8Array[] = [];
  try {
    await container.exec({
      argv: ['bash', '-c', `cd /testbed 2>/dev/null\n${script}`],
      env: { LC_ALL: 'C.UTF-8', ...env },
      signal: never,
      onOutput: (chunk) => void chunks.push(chunk),
    });
  } finally {
    await container.destroy();
  }
  return Buffer.concat(chunks).toString().trim();
}

export interface RawEntry {
  /** As in the layer's tar, without the slash at the end: deletions have their raw names. */
  readonly path: string;
  readonly target: string;
  readonly content: Buffer;
}

async function entriesOf(tar: Readable): Promise<readonly RawEntry[]> {
  const entries: RawEntry[] = [];
  const reader = extract();
  tar.on('error', (error) => reader.destroy(error));
  tar.pipe(reader);
  for await (const entry of reader)
    entries.push({
      path: entry.header.name.replace(/\/$/, ''),
      target: entry.header.linkname ?? '',
      content: await buffer(entry),
    });
  return entries;
}

/** The raw layers of an image as the engine gives them out, but for the first `below`. */
export async function entriesOfLayers(engine: Engine, image: ImageInfo, below: number) {
  const skipped = new Set(image.layers.slice(0, below));
  const saved = await entriesOf(await engine.images.save([image.ref], never));
  const byPath = new Map(saved.map((entry) => [entry.path, entry]));
  const [manifest] = JSON.parse(byPath.get('manifest.json')?.content.toString() ?? '') as [
    { Layers: string[] },
  ];
  const layers: { diffId: string; tar: Buffer; entries: readonly RawEntry[] }[] = [];
  for (const path of manifest.Layers) {
    const named = byPath.get(path);
    // Layers that an archive has already are links to them.
    const tar =
      named?.content.length === 0 ? byPath.get(named.target.replace(/^\.\.\//, ''))?.content : named?.content;
    if (tar === undefined) throw new Error(`no layer ${path}`);
    const diffId = `sha256:${sha256(tar)}`;
    if (!skipped.has(diffId)) layers.push({ diffId, tar, entries: await entriesOf(Readable.from([tar])) });
  }
  return layers;
}

/** Removes the images of a test's own environment, those on top first. */
export async function removeImages(
  engine: Engine,
  environment: ImageEnvironment,
  repo: string,
): Promise<void> {
  const key = environmentKey(environment);
  for (const kind of ['instance', 'repository']) {
    const labels = { 'assay.image.environment': key, 'assay.image.kind': kind, 'assay.image.repo': repo };
    for (const { ref } of await engine.images.list(labels)) await engine.images.remove(ref);
  }
  await engine.images.remove(environmentTag(environment));
}
