import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { dockerEngine } from '../../src/engine/docker/index.js';
import type { ImageInfo } from '../../src/engine/engine.js';
import { LABEL } from '../../src/image/labels.js';

/**
 * `npm run bench:images -- FILE --repo OWNER/NAME [flags of assay images build]`: builds the images of a repository's instances (their instance
 * layers anew) and prints time and size of their layers, against a whole checkout for each instance on the same environment, and the size of an
 * export of them all, against one of the oldest or the newest alone.
 */
const flags = process.argv.slice(2);
if (flags.length < 3) throw new Error('usage: npm run bench:images -- FILE --repo OWNER/NAME [--base ...]');
const engine = dockerEngine({ host: process.env.DOCKER_HOST });
const signal = new AbortController().signal;
const MB = 1e6;

interface Built {
  readonly instanceId: string;
  readonly ref: string;
  readonly seconds: number;
}

/** Runs `assay images build` and returns what it built, with the seconds of wall time. */
function build(...more: string[]): { readonly built: readonly Built[]; readonly seconds: number } {
  const from = performance.now();
  const { stdout, status } = spawnSync(
    process.execPath,
    ['dist/src/cli/main.js', 'images', 'build', ...flags, '--json', ...more],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e8 },
  );
  if (status !== 0) throw new Error(`assay images build ended with ${status}: run it by hand for the reason`);
  const built = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Built);
  return { built, seconds: (performance.now() - from) / 1000 };
}

/** Removes the instance images, so that their layers are made again; history and environments stay. */
async function forget(instances: readonly Built[]): Promise<void> {
  for (const { ref } of instances) await engine.images.remove(ref);
}

/** Layers of images by chain (a layer counts again on other layers, as an engine stores it), with their bytes. */
async function chains(images: readonly ImageInfo[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const { ref } of images) {
    let chain = '';
    for (const { diffId, bytes } of await engine.images.layerSizes(ref, signal)) {
      chain = createHash('sha256').update(`${chain} ${diffId}`).digest('hex');
      found.set(chain, bytes);
    }
  }
  return found;
}

/** Bytes of each layer after gzip, by diff id. */
async function gzipped(refs: readonly string[]): Promise<Map<string, number>> {
  const byPath = new Map<string, number>();
  const diffIds = new Map<string, string>();
  const reader = extract();
  const reading = pipeline(await engine.images.save(refs, signal), reader);
  for await (const entry of reader) {
    const hash = createHash('sha256');
    const zip = createGzip();
    let bytes = 0;
    zip.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await pipeline(
      entry as unknown as Readable,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      zip,
    );
    if (entry.header.type !== 'file' || !entry.header.name.endsWith('layer.tar')) continue;
    byPath.set(entry.header.name, bytes);
    diffIds.set(entry.header.name, `sha256:${hash.digest('hex')}`);
  }
  await reading;
  return new Map([...byPath].map(([path, bytes]) => [diffIds.get(path) ?? '', bytes]));
}

/** Unpacked bytes of the tree with its history. */
async function checkoutBytes({ ref, config }: ImageInfo): Promise<number> {
  const limits = { memoryBytes: 0, cpus: 0, pids: 0, network: false, capAdd: [] };
  const container = await engine.containers.start(
    { image: ref, name: 'assay.bench', labels: { 'assay.run': 'bench' }, limits },
    signal,
  );
  try {
    let text = '';
    await container.exec({
      argv: ['du', '-sb', config.workdir],
      signal,
      onOutput: (chunk) => {
        text += Buffer.from(chunk).toString();
      },
    });
    return Number(text.split('\t')[0]);
  } finally {
    await container.destroy();
  }
}

/** Bytes of the files that `assay images export` writes for the instances. */
function exportBytes(instances: readonly Built[]): number {
  const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  const [file = '', ...rest] = flags;
  const ids = instances.flatMap(({ instanceId }) => ['-i', instanceId]);
  const to = ['-o', folder, '--overwrite'];
  const { status } = spawnSync(
    process.execPath,
    ['dist/src/cli/main.js', 'images', 'export', file, ...rest, ...ids, ...to],
    { stdio: 'ignore' },
  );
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  const bytes = sum(
    files.filter((entry) => entry.isFile()).map((entry) => statSync(join(entry.parentPath, entry.name)).size),
  );
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0)
    throw new Error(`assay images export ended with ${status}: run it by hand for the reason`);
  return bytes;
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`;
const mb = (bytes: number) => `${(bytes / MB).toFixed(0)} MB`;

const first = build();
console.log(`everything there or made: ${first.built.length} images in ${first.seconds.toFixed(0)} s`);
await forget(first.built);
const one = build('--limit', '1');
const two = build('--limit', '2');
console.log(
  `second instance of an environment: ${two.built[1]?.seconds.toFixed(2)} s (first: ${one.built[0]?.seconds.toFixed(2)} s)`,
);
await forget(first.built);
const all = build('-j', '2');
const times = all.built.map(({ seconds }) => seconds).sort((a, b) => a - b);
console.log(
  `${all.built.length} instance layers, -j 2: ${all.seconds.toFixed(1)} s, command included; each: median ${times[Math.floor(times.length / 2)]?.toFixed(2)} s, slowest ${times.at(-1)?.toFixed(2)} s`,
);

const images = await Promise.all(
  all.built.map(async ({ ref }) => (await engine.images.inspect(ref, signal)) as ImageInfo),
);
const keys = new Set(images.map(({ labels }) => labels[LABEL.environment]));
const listed = await engine.images.list({ [LABEL.kind]: 'environment' });
const environments = await Promise.all(
  listed
    .filter(({ labels }) => keys.has(labels[LABEL.environment]))
    .map(async ({ ref }) => (await engine.images.inspect(ref, signal)) as ImageInfo),
);
const unique = await chains(images);
const below = sum((await chains(environments)).values());
const checkouts: number[] = [];
for (const image of images) checkouts.push(await checkoutBytes(image));
const oneCheckout = sum(checkouts) / checkouts.length;
const layers = sum(unique.values()) - below;
const single = below / environments.length + oneCheckout;
console.log(`on disk, unpacked: environments ${mb(below)} (${environments.length}, base included)`);
console.log(
  `  history and instance layers ${mb(layers)}; a whole checkout for each ${mb(sum(checkouts))} (${mb(oneCheckout)} each): ${(sum(checkouts) / layers).toFixed(1)} x less`,
);
console.log(
  `  one environment with one checkout ${mb(single)}; the layers of all add ${share(layers - oneCheckout, single)} to it`,
);

const small = await gzipped(images.map(({ ref }) => ref));
const belowIds = new Set(environments.flatMap(({ layers: ids }) => ids));
const packed = sum([...small].filter(([id]) => !belowIds.has(id)).map(([, bytes]) => bytes));
const packedBelow = sum([...small].filter(([id]) => belowIds.has(id)).map(([, bytes]) => bytes));
console.log(
  `gzip, as a registry has them: environments ${mb(packedBelow)}, history and instance layers ${mb(packed)}`,
);
const byAge = [...all.built].sort((a, b) =>
  a.instanceId.localeCompare(b.instanceId, 'en', { numeric: true }),
);
const exported = exportBytes(byAge);
console.log(`assay images export, base and environments included: ${mb(exported)}`);
for (const [which, instance] of [
  ['oldest', byAge.at(0)],
  ['newest', byAge.at(-1)],
] as const) {
  const alone = exportBytes(instance === undefined ? [] : [instance]);
  console.log(`  of the ${which} alone ${mb(alone)}; the others add ${share(exported - alone, alone)} to it`);
}
await engine.close();
