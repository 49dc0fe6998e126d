import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { servedPage } from '../../reports/index.js';
import { createViewApp } from '../view/app.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { pageBundle } from './html.js';
import { viewsOf } from './view-runs.js';

/** Names of this machine for itself: with them alone, no page elsewhere can ask a browser here for what the server has. */
const LOCAL = new Set(['localhost', '127.0.0.1', '[::1]']);

/** `assay view`: the pages of all runs of a folder, live while they go on, until a signal. */
export async function viewCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as {
    readonly folder: string;
    readonly host: string;
    readonly port: number;
    readonly json: boolean;
  };
  const root = resolve(host.cwd, args.folder);
  if ((await stat(root).catch(() => undefined))?.isDirectory() !== true)
    throw usage(`${args.folder}: there is no such folder; \`assay eval\` writes to runs/`);
  const isLocal = LOCAL.has(args.host) || args.host === '::1';
  const app = createViewApp({
    views: viewsOf(root, host),
    html: servedPage(),
    bundle: await pageBundle(),
    hosts: isLocal ? LOCAL : undefined,
    clock: host.clock,
  });
  try {
    const url = await app.listen({ host: args.host, port: args.port });
    if (args.json) host.out(JSON.stringify({ url, folder: root }));
    host.err(`${args.folder} at ${url}   (Ctrl-C ends it)`);
    if (!isLocal) host.err('warning: whoever reaches this port can read all runs, patches and logs');
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    return EXIT.done;
  } finally {
    await app.close();
  }
}
