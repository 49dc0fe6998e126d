import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AssayError } from '../../src/errors.js';
import { LABEL } from '../../src/image/labels.js';
import { choosePrune, type PruneOptions, pruneImages } from '../../src/image/prune.js';
import {
  baseChains,
  chained,
  layerUses,
  ownBytes,
  type StoredImage,
  storedImages,
  uniqueBytes,
} from '../../src/image/usage.js';
import { self } from './context.js';
import { type FakeImage, fakeStore } from './fake-store.js';

const signal = new AbortController().signal;

/** Base of 100 bytes, an environment of 50, a history of 20, and what is above it. */
const BASE = { base: 100 };
const ENV = { ...BASE, env: 50 };
const REPO = { ...ENV, history: 20 };

function image(
  name: string,
  kind: StoredImage['kind'],
  layers: Record<string, number>,
  extra: Partial<StoredImage> = {},
): StoredImage {
  return {
    id: `sha256:${name}`,
    kind,
    names: [name],
    labels: { [LABEL.kind]: kind },
    layers: chained(Object.entries(layers).map(([diffId, bytes]) => ({ diffId, bytes }))),
    inUse: false,
    ...extra,
  };
}

const environment = image('assay.env.e', 'environment', ENV);
const repository = image('assay.repo.r', 'repository', REPO);
const old = image('assay.eval.old', 'instance', { ...REPO, a: 1 }, { lastUsed: 1 });
const recent = image('assay.eval.recent', 'instance', { ...REPO, b: 2 }, { lastUsed: 2 });
const all = [environment, repository, recent, old];

const namesOf = (plan: ReturnType<typeof choosePrune>) =>
  plan.victims.map(({ image }) => image.names[0] ?? image.id);
const free = () => false;

describe('bytes of images', () => {
  test('each layer counts once, and those of the base not at all', () => {
    expect(uniqueBytes(all)).toBe(173);
    expect(uniqueBytes(all, baseChains(all))).toBe(73);
  });

  test('a layer on another image is another layer', () => {
    const other = image('assay.eval.x', 'instance', { other: 7, a: 1 });
    expect(uniqueBytes([old, other])).toBe(171 + 8);
  });

  test('removing an image frees only what no other one has', () => {
    const uses = layerUses(all);
    expect(all.map((one) => ownBytes(one, uses, baseChains(all)))).toEqual([0, 0, 2, 1]);
  });

  test('an environment on layers of its interpreter and system packages leaves only the base below', () => {
    const labels = { [LABEL.kind]: 'environment', [LABEL.python]: '3.9.1', [LABEL.system]: 'git=1\n' };
    const deep = image(
      'assay.env.d',
      'environment',
      { base: 100, system: 1, python: 2, packages: 3 },
      { labels },
    );
    expect(uniqueBytes([deep], baseChains([deep]))).toBe(6);
  });
});

describe('choosePrune', () => {
  test('removes nothing when all fits', () => {
    expect(choosePrune(all, { keepBytes: 73, isKept: free })).toEqual({ victims: [], leftBytes: 73 });
  });

  test('removes the least recently used instance first, and no more than is needed', () => {
    const plan = choosePrune(all, { keepBytes: 72, isKept: free });
    expect([namesOf(plan), plan.leftBytes]).toEqual([['assay.eval.old'], 72]);
  });

  test('then repository images, then environments, and says what each frees', () => {
    const plan = choosePrune(all, { keepBytes: 0, isKept: free });
    expect(namesOf(plan)).toEqual(['assay.eval.old', 'assay.eval.recent', 'assay.repo.r', 'assay.env.e']);
    expect(plan.victims.map(({ freedBytes }) => freedBytes)).toEqual([1, 2, 20, 50]);
    expect(plan.leftBytes).toBe(0);
  });

  test('keeps an image that a container uses, and all that it stands on', () => {
    const images = [environment, repository, recent, { ...old, inUse: true }];
    expect(namesOf(choosePrune(images, { keepBytes: 0, isKept: free }))).toEqual(['assay.eval.recent']);
  });

  test('keeps what it is told to', () => {
    const plan = choosePrune(all, { keepBytes: 0, isKept: ({ names }) => names[0] === 'assay.env.e' });
    expect(namesOf(plan)).not.toContain('assay.env.e');
    expect(plan.leftBytes).toBe(50);
  });

  test('an image whose name a later build took goes before all others', () => {
    const replaced = image('old-one', 'repository', { ...ENV, before: 30 }, { names: [], lastUsed: 9 });
    expect(namesOf(choosePrune([...all, replaced], { keepBytes: 80, isKept: free }))).toEqual([
      'sha256:old-one',
    ]);
  });
});

describe('pruneImages', () => {
  let cacheDir = '';
  beforeEach(() => {
    cacheDir = mkdtempSync(join(tmpdir(), 'assay-prune-'));
  });
  afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

  const stored = (kind: string, layers: Record<string, number>): FakeImage => ({
    labels: { [LABEL.kind]: kind },
    layers,
  });
  const images = {
    'assay-base:latest': { layers: BASE },
    'assay.env.e:latest': stored('environment', ENV),
    'assay.repo.e:1': stored('repository', REPO),
    'assay.eval.a:latest': stored('instance', { ...REPO, a: 1 }),
    'assay.eval.b:latest': stored('instance', { ...REPO, b: 2 }),
    'example/published:latest': { layers: { foreign: 500 } },
  };
  const prune = (engine: PruneOptions['engine'], extra: Partial<PruneOptions> = {}) =>
    pruneImages({
      engine,
      keepBytes: 0,
      published: false,
      protect: new Set(),
      dryRun: false,
      cacheDir,
      owner: self,
      signal,
      ...extra,
    });

  test('removes ours from the top down, never the base or what somebody else made', async () => {
    const store = fakeStore({ images });
    const { removed, leftBytes } = await prune(store);
    expect(removed.map(({ ref }) => ref)).toEqual(store.removed);
    expect(store.names()).toEqual(['assay-base:latest', 'example/published:latest']);
    expect(leftBytes).toBe(0);
  });

  test('a dry run says the same and removes nothing', async () => {
    const store = fakeStore({ images });
    const { removed } = await prune(store, { dryRun: true });
    expect(removed.map(({ freedBytes }) => freedBytes)).toEqual([1, 2, 20, 50]);
    expect(store.removed).toEqual([]);
  });

  test('goes by the last use that the cache tells, and forgets what is gone', async () => {
    const file = join(cacheDir, 'image-use.json');
    writeFileSync(file, JSON.stringify({ 'assay.eval.a:latest': 2000, 'assay.eval.b:latest': 1000 }));
    const store = fakeStore({ images });
    await prune(store, { keepBytes: 71 });
    expect(store.removed).toEqual(['assay.eval.b:latest']);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ 'assay.eval.a:latest': 2000 });
  });

  test('what the engine refuses to remove stays, with what it stands on, and the next one goes', async () => {
    const store = fakeStore({ images, stuck: new Set(['assay.eval.a:latest']) });
    const { removed, leftBytes } = await prune(store);
    expect(removed.map(({ ref }) => ref)).toEqual(['assay.eval.b:latest']);
    expect(leftBytes).toBe(71);
  });

  test('an image with a name that somebody else gave stays', async () => {
    const twice = {
      ...images,
      'mine:latest': { ...images['assay.eval.a:latest'], id: 'sha256:a' },
      'assay.eval.a:latest': { ...images['assay.eval.a:latest'], id: 'sha256:a' },
    };
    const store = fakeStore({ images: twice });
    await prune(store);
    expect(store.removed).toEqual(['assay.eval.b:latest']);
  });

  test('protected names stay', async () => {
    const store = fakeStore({ images });
    await prune(store, { protect: new Set(['assay.eval.a:latest', 'assay.eval.b:latest']) });
    expect(store.removed).toEqual([]);
  });

  test('published images go only when asked, and only those that assay pulled', async () => {
    writeFileSync(
      join(cacheDir, 'image-digests.json'),
      JSON.stringify({ 'example/published:latest': 'sha256:1' }),
    );
    const foreign = { ...images, 'example/other:latest': { layers: { more: 5 } } };
    const without = fakeStore({ images: foreign });
    await prune(without);
    expect(without.removed).not.toContain('example/published:latest');
    const store = fakeStore({ images: foreign });
    await prune(store, { published: true });
    expect(store.removed).toContain('example/published:latest');
    expect(store.names()).toEqual(['assay-base:latest', 'example/other:latest']);
  });

  test('an image that goes while they are looked at is none', async () => {
    const gone = new AssayError('image_missing', 'no such image');
    const engine = { ...fakeStore({ images }), layerSizes: () => Promise.reject(gone) };
    expect(await storedImages({ engine, uses: new Map(), published: [], signal })).toEqual([]);
  });

  test('counts one image with two names once, and knows of its containers', async () => {
    const store = fakeStore({
      images: {
        'assay.eval.a:1': { id: 'sha256:a', ...stored('instance', { a: 1 }) },
        'assay.eval.a:2': { id: 'sha256:a', ...stored('instance', { a: 1 }) },
      },
      inUse: new Set(['sha256:a']),
    });
    const found = await storedImages({
      engine: store,
      uses: new Map([['assay.eval.a:2', 7]]),
      published: [],
      signal,
    });
    expect(found).toMatchObject([{ names: ['assay.eval.a:1', 'assay.eval.a:2'], lastUsed: 7, inUse: true }]);
  });
});
