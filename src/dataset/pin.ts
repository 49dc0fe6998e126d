import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { AssayError } from '../errors.js';
import { readIfExists, writeAtomic } from '../util/files.js';
import { isObject } from '../util/json-file.js';
import { checkRow } from './check.js';
import type { HubSettings } from './hub.js';
import { type HubCache, hashOfFile, hubCache } from './hub-cache.js';
import { type HubClient, hubClient } from './hub-client.js';
import { filesOfSplit } from './splits.js';

/** Which commit and bytes a dataset's revision stood for when it was first used here. */
const Pin = Type.Object({
  schemaVersion: Type.Literal(1),
  dataset: Type.String(),
  revision: Type.String(),
  commit: Type.String({ pattern: '^[0-9a-f]{40}$' }),
  files: Type.Array(Type.Object({ path: Type.String(), sha256: Type.String() }), { minItems: 1 }),
});
type Pin = Static<typeof Pin>;

interface SplitRequest {
  readonly dataset: string;
  readonly revision: string | undefined;
  readonly split: string | undefined;
  readonly refresh?: boolean;
  readonly cacheDir: string;
  readonly hub: HubSettings;
}

interface FetchedSplit {
  readonly commit: string;
  readonly files: readonly { readonly path: string; readonly local: string }[];
}

/**
 * The files of a split, from the cache when they are pinned there with the recorded sha256, else from the Hub.
 * Records what it fetched. Rejects with AssayError.
 */
export async function fetchSplit(request: SplitRequest): Promise<FetchedSplit> {
  const { dataset, split, hub } = request;
  const revision = request.revision ?? 'main';
  if (!/^[A-Za-z0-9][\w./-]*$/.test(revision) || revision.includes('..'))
    throw new AssayError('usage', `--revision ${revision}: expected a branch, tag or commit`);
  const cache = hubCache(hub.cacheDir, dataset);
  const pinPath = join(
    request.cacheDir,
    'pins',
    dataset.replace('/', '--'),
    `${encodeURIComponent(revision)}${split === undefined ? '' : `@${encodeURIComponent(split)}`}.json`,
  );
  const old = await readPin(pinPath);
  const pin = request.refresh === true ? undefined : old;
  const located = (found: Pin): FetchedSplit => ({
    commit: found.commit,
    files: found.files.map(({ path }) => ({ path, local: cache.pathOf(found.commit, path) })),
  });
  if (pin !== undefined && (await isIntact(pin, cache))) return located(pin);
  if (hub.offline && (pin !== undefined || request.refresh === true))
    throw new AssayError(
      'dataset_offline',
      pin === undefined
        ? `${dataset}: --refresh needs the network`
        : `${dataset} at ${pin.commit}: the cached files are gone or changed since they were recorded`,
    );
  const found = hub.offline
    ? await fromCacheAlone({ cache, dataset, revision, split })
    : await fromHub({
        client: hubClient(dataset, hub),
        cache,
        dataset,
        revision,
        split,
        commit: pin?.commit,
      });
  if (pin !== undefined && JSON.stringify(pin.files) !== JSON.stringify(found.files))
    throw new AssayError(
      'bad_dataset',
      `${dataset} at ${pin.commit}: the Hub now serves other files for this commit`,
      {
        detail: `Recorded: ${JSON.stringify(pin.files)}\nServed: ${JSON.stringify(found.files)}`,
      },
    );
  await writeAtomic(pinPath, `${JSON.stringify(found, null, 2)}\n`);
  return located(found);
}

interface Search {
  readonly cache: HubCache;
  readonly dataset: string;
  readonly revision: string;
  readonly split: string | undefined;
}

async function fromHub(
  search: Search & { readonly client: HubClient; readonly commit: string | undefined },
): Promise<Pin> {
  const { client, cache, dataset, revision, split } = search;
  const isCommit = /^[0-9a-f]{40}$/.test(revision);
  const commit = search.commit ?? (isCommit ? revision : await client.resolve(revision));
  const listing = new Map((await client.list(commit)).map((file) => [file.path, file]));
  const paths = filesOfSplit({ paths: [...listing.keys()], split, dataset });
  for (const path of paths) {
    const file = listing.get(path);
    if (file !== undefined) await cache.add({ client, commit, file });
  }
  if (!isCommit && search.commit === undefined) await cache.writeRef(revision, commit);
  return pinOf({ search, commit, paths });
}

/** What Python, or an earlier run of ours with another cache folder, has left. */
async function fromCacheAlone(search: Search): Promise<Pin> {
  const { cache, dataset, revision, split } = search;
  const commit = /^[0-9a-f]{40}$/.test(revision) ? revision : await cache.readRef(revision);
  const present = commit === undefined ? [] : await cache.present(commit);
  if (commit === undefined || present.length === 0)
    throw new AssayError(
      'dataset_offline',
      `${dataset} (${revision}) is not in the cache and the network is off`,
    );
  return pinOf({ search, commit, paths: filesOfSplit({ paths: present, split, dataset }) });
}

async function pinOf(options: {
  readonly search: Search;
  readonly commit: string;
  readonly paths: readonly string[];
}): Promise<Pin> {
  const { search, commit, paths } = options;
  const files = await Promise.all(
    paths.map(async (path) => ({
      path,
      sha256: await hashOfFile(search.cache.pathOf(commit, path), 'sha256'),
    })),
  );
  return { schemaVersion: 1, dataset: search.dataset, revision: search.revision, commit, files };
}

/** A pin that can't be read is as good as none: the next fetch records a new one. */
async function readPin(path: string): Promise<Pin | undefined> {
  try {
    const value: unknown = JSON.parse((await readIfExists(path)) ?? 'null');
    if (!isObject(value)) return undefined;
    checkRow(value, Pin);
    return value as Pin;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof AssayError) return undefined;
    throw error;
  }
}

async function isIntact(pin: Pin, cache: HubCache): Promise<boolean> {
  const hashes = await Promise.all(
    pin.files.map(({ path }) => hashOfFile(cache.pathOf(pin.commit, path), 'sha256').catch(() => undefined)),
  );
  return pin.files.every((file, i) => file.sha256 === hashes[i]);
}
