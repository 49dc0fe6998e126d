import { LABEL } from '../image/labels.js';
import {
  baseChains,
  layerUses,
  ownBytes,
  type StoredImage,
  storedImages,
  uniqueBytes,
} from '../image/usage.js';
import { imageDigests, imageUses } from '../image/usage-state.js';
import { showBytes } from '../util/words.js';
import { connectEngine } from './engines.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { interruptFor, table } from './images-shared.js';

/** `assay images list`: what we built and pulled, and what each takes. */
export async function listCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { json } = raw as { readonly json: boolean };
  const { engine } = await connectEngine('docker', host);
  const interrupt = interruptFor(host);
  const state = { cacheDir: host.cacheDir, owner: host.self };
  try {
    await engine.info();
    const images = await storedImages({
      engine: engine.images,
      uses: await imageUses(state).read(),
      published: [...(await imageDigests(state).read()).keys()],
      signal: interrupt.drain,
    });
    const base = baseChains(images);
    const counts = layerUses(images);
    const rows = images.map((image) => rowOf(image, ownBytes(image, counts, base))).sort(byKindAndName);
    const total = uniqueBytes(images, base);
    const baseBytes = uniqueBytes(images) - total;
    if (json) host.out(JSON.stringify({ images: rows, uniqueBytes: total, baseBytes }));
    else {
      if (rows.length > 0) host.out(`${table(HEAD, rows.map(cells))}\n`);
      host.out(
        `${rows.length} images, ${showBytes(total)} with each layer once, on bases of ${showBytes(baseBytes)}`,
      );
    }
    return EXIT.done;
  } finally {
    interrupt.release();
    await engine.close();
  }
}

interface Row {
  readonly kind: StoredImage['kind'];
  readonly names: readonly string[];
  readonly id: string;
  readonly repo?: string;
  readonly environment?: string;
  readonly freedBytes: number;
  readonly sharedBytes: number;
  readonly lastUsed?: string;
  readonly inUse: boolean;
}

function rowOf(image: StoredImage, freedBytes: number): Row {
  const { kind, names, id, labels, lastUsed, inUse } = image;
  const { [LABEL.repo]: repo, [LABEL.environment]: environment } = labels;
  return {
    kind,
    names,
    id,
    ...(repo === undefined ? {} : { repo }),
    ...(environment === undefined ? {} : { environment }),
    freedBytes,
    sharedBytes: uniqueBytes([image]) - freedBytes,
    ...(lastUsed === undefined ? {} : { lastUsed: new Date(lastUsed).toISOString() }),
    inUse,
  };
}

function byKindAndName(a: Row, b: Row): number {
  const key = ({ kind, names, id }: Row) => `${kind} ${names[0] ?? id}`;
  return key(a) < key(b) ? -1 : 1;
}

const HEAD = ['KIND', 'NAME', 'REPOSITORY', 'ENVIRONMENT', 'FREES', 'SHARED', 'LAST USED', 'IN USE'];

function cells({
  kind,
  names,
  id,
  repo,
  environment,
  freedBytes,
  sharedBytes,
  lastUsed,
  inUse,
}: Row): readonly string[] {
  return [
    kind,
    names[0]?.replace(/:latest$/, '') ?? `${id.slice(7, 19)} (replaced)`,
    repo ?? '-',
    environment?.slice(0, 16) ?? '-',
    showBytes(freedBytes),
    showBytes(sharedBytes),
    lastUsed?.slice(0, 16).replace('T', ' ') ?? '-',
    inUse ? 'yes' : '',
  ];
}
