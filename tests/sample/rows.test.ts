import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parserFinder } from '../../benchmarks/parsers/registry.js';
import { sampleBenchmark } from '../../benchmarks/sample/index.js';
import { imageStore } from '../../src/engine/local/image-store.js';
import { PATH, sampleInstances } from './sources.js';

const instances = sampleInstances();
const specs = instances.map((instance) => ({ instance, spec: sampleBenchmark.specFor(instance) }));

test('there are at least 24 instances of two JavaScript repositories and a Python one, in a train and a held-out part', () => {
  expect(instances.length).toBeGreaterThanOrEqual(24);
  const repos = new Map(instances.map(({ repo, language }) => [repo, language]));
  expect([...repos.values()].sort()).toEqual(['javascript', 'javascript', 'python']);
  for (const repo of repos.keys())
    expect(new Set(instances.filter((each) => each.repo === repo).map(({ split }) => split))).toEqual(
      new Set(['train', 'heldout']),
    );
});

test('every row is complete', () => {
  for (const { instance, spec } of specs) {
    expect(instance).toMatchObject({ rowFormat: 'swe-bench-2026', evalType: 'pass_and_fail' });
    for (const text of [instance.patch, instance.testPatch])
      expect(text).toMatch(/^diff --git a\/\S+ b\/\S+\n/);
    expect(instance.problemStatement.length).toBeGreaterThan(150);
    expect(Date.parse(instance.createdAt ?? '')).not.toBeNaN();
    expect(instance.difficulty).toMatch(/^(<15 min fix|15 min - 1 hour)$/);
    expect(instance.failToPass.length).toBeGreaterThan(0);
    expect(instance.passToPass.length).toBeGreaterThan(0);
    expect(instance.failToPass.filter((name) => instance.passToPass.includes(name))).toEqual([]);
    expect(parserFinder('swe-bench-5')(spec.logParser)).toBeInstanceOf(Function);
    expect(spec.images).toEqual([instance.image]);
    expect(spec.images.join()).not.toContain('/');
  }
});

test('gold patches change no tests and test patches nothing else', () => {
  for (const { instance } of specs) {
    expect(instance.patch).not.toMatch(/^diff --git a\/tests\//m);
    expect(instance.testPatch).not.toMatch(/^diff --git a\/(?!tests\/)/m);
  }
});

test('the base commit is the one that the local engine makes of the tree', async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), 'assay-sample-store-'));
  try {
    const store = imageStore({ cacheDir, path: PATH });
    const { signal } = new AbortController();
    for (const [ref, { instance, spec }] of new Map(specs.map((each) => [each.spec.images[0] ?? '', each]))) {
      const source = spec.recipe?.source;
      if (source?.kind !== 'tree') throw new Error(`${ref} has no tree`);
      expect(existsSync(source.dir)).toBe(true);
      const image = await store.importTree({ ref, dir: source.dir, workdir: spec.workdir, signal });
      expect({ repo: instance.repo, ...image.labels }).toEqual({
        repo: instance.repo,
        'assay.commit': instance.baseCommit,
      });
    }
  } finally {
    await rm(cacheDir, { recursive: true, force: true });
  }
});

test('rows of another repository and rows without a script are refused', () => {
  const [instance] = instances;
  if (instance === undefined) throw new Error('no instances');
  const code = 'unsupported_row';
  const refused = (change: object) => expect(() => sampleBenchmark.specFor({ ...instance, ...change }));
  refused({ repo: 'assay-sample/other' }).toThrow(expect.objectContaining({ code }));
  refused({ repo: 'other/tabula' }).toThrow(expect.objectContaining({ code }));
  refused({ evalScript: undefined }).toThrow(expect.objectContaining({ code }));
});
