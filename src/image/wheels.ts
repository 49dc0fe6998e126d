import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { type BuildContext, LABEL, type Workplace } from './build-context.js';
import { lines, toEntries } from './environment.js';
import { fileAtCommit } from './history.js';
import { type LayerEntry, readEntries, writeLayer } from './layer.js';
import { buildRequirements } from './python.js';
import { FILES, wheelsScript } from './scripts.js';
import { WHEELS } from './shim.js';

interface WheelsOptions {
  readonly environment: ImageInfo;
  readonly repository: string;
  readonly commit: string;
  readonly place: Workplace;
}

/**
 * Wheels of the project's build requirements (PEP 518) that the environment lacks, so that it installs without a network. They are fetched once for
 * each list of requirements and kept in the cache.
 */
export async function wheelsFor(
  context: BuildContext,
  options: WheelsOptions,
): Promise<readonly LayerEntry[]> {
  const { environment, repository, commit, place } = options;
  const { signal, cacheDir, certificates } = context;
  if (environment.labels[LABEL.python] === undefined) return [];
  const pyproject = await fileAtCommit({ repository, commit, path: 'pyproject.toml', signal });
  const asked = buildRequirements(pyproject);
  const common = buildRequirements(undefined);
  if (asked.every((requirement) => common.includes(requirement))) return [];
  const key = sha256(canonicalJson({ environment: environment.labels[LABEL.key], asked }));
  const kept = join(cacheDir, 'wheels', `${key.slice(0, 16)}.tar`);
  if (context.updateLocks || !existsSync(kept))
    await place.session(environment.ref, async (session) => {
      await session.put(
        toEntries({
          [FILES.build]: lines(asked),
          ...(certificates === undefined ? {} : { [FILES.certificates]: certificates }),
        }),
      );
      await session.run(wheelsScript());
      const { written } = await session.changes();
      const { file } = await writeLayer(only(written, `${WHEELS.slice(1)}/`), join(place.work, 'wheels.tar'));
      await mkdir(dirname(kept), { recursive: true });
      await rename(file, kept);
    });
  const entries: LayerEntry[] = [];
  for await (const entry of readEntries(createReadStream(kept))) entries.push(entry);
  return entries;
}

async function* only(entries: AsyncIterable<LayerEntry>, prefix: string): AsyncGenerator<LayerEntry> {
  for await (const entry of entries) if (entry.path.startsWith(prefix)) yield entry;
}
