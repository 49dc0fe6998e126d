import { hostname } from 'node:os';
import { connectEngine, isOrphan } from './engines.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';

/** `assay gc`: removes what crashed runs of this machine left in the engines. */
export async function gcCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as { readonly engine?: 'docker' | 'local'; readonly json: boolean };
  const { engine } = await connectEngine(args.engine ?? 'docker', host);
  try {
    const removed = await engine.containers.reap({ 'assay.host': hostname() }, isOrphan);
    host.out(args.json ? JSON.stringify({ removed }) : `removed ${removed.length} containers`);
    return EXIT.done;
  } finally {
    await engine.close();
  }
}
