import { pruneImages } from '../image/prune.js';
import { showBytes } from '../util/words.js';
import { connectEngine } from './engines.js';
import { EXIT } from './exit.js';
import { parseBytes } from './flags.js';
import type { Host } from './host.js';
import { interruptFor } from './images-shared.js';

interface PruneArgs {
  readonly keep: string;
  readonly published: boolean;
  readonly 'dry-run': boolean;
  readonly json: boolean;
}

/** `assay images prune`: least recently used images go until the rest fits. */
export async function pruneCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { keep, published, 'dry-run': dryRun, json } = raw as unknown as PruneArgs;
  const keepBytes = /^0\s*([kmg]?i?b)?$/i.test(keep.trim()) ? 0 : parseBytes(keep, 'keep');
  const { engine } = await connectEngine('docker', host);
  const interrupt = interruptFor(host);
  try {
    await engine.info();
    const { removed, leftBytes } = await pruneImages({
      engine: engine.images,
      keepBytes,
      published,
      protect: new Set(),
      dryRun,
      cacheDir: host.cacheDir,
      owner: host.self,
      signal: interrupt.drain,
    });
    const freedBytes = removed.reduce((sum, image) => sum + image.freedBytes, 0);
    if (json) host.out(JSON.stringify({ dryRun, removed, freedBytes, leftBytes }));
    else {
      for (const image of removed) host.out(`${image.kind}  ${image.ref}  ${showBytes(image.freedBytes)}`);
      const what = dryRun ? 'would be removed' : 'removed';
      host.out(`${removed.length} images ${what}, ${showBytes(freedBytes)}; ${showBytes(leftBytes)} left`);
    }
    if (leftBytes > keepBytes)
      host.err(`more than ${keep} is left: in use, or with names that assay did not give`);
    return EXIT.done;
  } finally {
    interrupt.release();
    await engine.close();
  }
}
