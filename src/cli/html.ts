import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readTrajectories } from '../../plugins/agent/store.js';
import type { Bundle, Evidence, Packed } from '../../reports/index.js';
import { readPackedLogs, readPatch } from '../run/folder.js';
import { sha256 } from '../util/hash.js';
import { packageRoot } from '../util/package.js';
import { trajectoriesOf } from './trajectories.js';

const compress = promisify<string, Buffer>(gzip);

/** The application of HTML reports, as `npm run build` makes it. */
export async function pageBundle(): Promise<Bundle> {
  const read = (name: string) => readFile(join(packageRoot(), 'dist', 'reports', 'html', name), 'utf8');
  const [script, style] = await Promise.all([read('app.js'), read('app.css')]);
  return { script, style };
}

/** What an HTML report reads of a run folder. */
export function evidenceOf(folder: string): Evidence {
  return {
    patch: (instanceId, attempt) => readPatch(folder, instanceId, attempt),
    async logs(instanceId, attempt) {
      const logs = await readPackedLogs(folder, instanceId, attempt);
      return logs.map(({ name, bytes }) => ({ name, ...packed(bytes) }));
    },
    async episodes(instanceId) {
      const found = new Map();
      for await (const trajectory of readTrajectories(trajectoriesOf(folder), new Set([instanceId])))
        found.set(trajectory.episode.sample, trajectory);
      return found;
    },
    pack: async (text) => packed(await compress(text)),
  };
}

/** gzip bytes by their hash; the last four of them are the size of what they hold. */
function packed(bytes: Buffer): Packed {
  return {
    key: sha256(bytes),
    base64: bytes.toString('base64'),
    bytes: bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4),
  };
}
