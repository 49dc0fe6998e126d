import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine, ImageInfo } from '../../src/engine/engine.js';
import type { BuildContext } from '../../src/image/build-context.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';

export const self = identifyProcess(process.pid) as ProcessIdentity;

/** A folder for a build's cache and locks. */
export function newStore(): string {
  const store = mkdtempSync(join(tmpdir(), 'assay-store-'));
  mkdirSync(join(store, 'locks'));
  return store;
}

interface Options {
  readonly engine: Pick<Engine, 'images' | 'containers'>;
  readonly base: ImageInfo;
  /** Path of the git repository of all recipes. */
  readonly mirror?: string;
  readonly store?: string;
  readonly changes?: Partial<BuildContext>;
}

/** What builds need, in a store of its own, with the tags that were loaded and the lines that were logged. */
export function buildSetting({ engine, base, mirror = '/nowhere', store = newStore(), changes }: Options) {
  const loaded: string[] = [];
  const log: string[] = [];
  const context: BuildContext = {
    images: {
      ...engine.images,
      async load(archive, options) {
        loaded.push('image');
        await engine.images.load(archive, options);
      },
    },
    containers: engine.containers,
    labels: { 'assay.test': 'image' },
    base: async () => base,
    mirror: async () => mirror,
    cacheDir: join(store, 'cache'),
    locksDir: join(store, 'locks'),
    updateLocks: false,
    renewed: new Set(),
    owner: self,
    signal: new AbortController().signal,
    onLog: (line) => log.push(line),
    ...changes,
  };
  return { context, store, loaded, log, remove: () => rmSync(store, { recursive: true, force: true }) };
}
