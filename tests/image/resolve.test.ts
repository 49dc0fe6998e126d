import { describe, expect, test } from '@jest/globals';
import type { ImageInfo } from '../../src/engine/engine.js';
import { ensureBase, resolveImage } from '../../src/image/resolve.js';
import { imageInfo } from '../helpers/fake-engine.js';
import { testSpec } from '../helpers/jobs.js';
import { fakeStore } from './fake-store.js';

const signal = new AbortController().signal;
const OURS = 'assay.eval.a__a-1:latest';
const PUBLISHED = 'example/a__a-1:latest';
const recipe = {
  name: 'a__a-1',
  source: { kind: 'git' as const, repo: 'a/a', commit: '1' },
  workdir: '/testbed',
  environment: { systemPackages: [], pythonPackages: [] },
  preInstall: [],
  install: [],
  checks: [],
};
const spec = testSpec('a__a-1', { images: [OURS, PUBLISHED], recipe });
const registry = new Map([[PUBLISHED, 'sha256:1']]);
const made: ImageInfo = imageInfo(OURS, 'sha256:made');

describe('resolveImage', () => {
  test('takes the local image before the published one', async () => {
    const engine = fakeStore({ images: { [OURS]: {}, [PUBLISHED]: {} } });
    expect((await resolveImage(spec, { engine, signal })).ref).toBe(OURS);
  });

  test('takes a published image that is there without pulling it again', async () => {
    const engine = fakeStore({ images: { [PUBLISHED]: {} } });
    const build = async () => made;
    expect((await resolveImage(spec, { engine, signal, build })).ref).toBe(PUBLISHED);
    expect(engine.pulled).toEqual([]);
  });

  test('pulls the published image and never a name that only we could have built', async () => {
    const engine = fakeStore({ registry });
    await resolveImage(spec, { engine, signal });
    expect(engine.pulled).toEqual([PUBLISHED]);
    const local = { ...spec, images: [OURS] };
    await expect(resolveImage(local, { engine, signal })).rejects.toMatchObject({ code: 'image_missing' });
    expect(engine.pulled).toHaveLength(1);
  });

  test('builds a missing image where that is possible, and pulls where it is not', async () => {
    const engine = fakeStore({ registry });
    expect(await resolveImage(spec, { engine, signal, build: async () => made })).toBe(made);
    expect(engine.pulled).toEqual([]);
    await resolveImage(spec, { engine, signal, build: async () => undefined });
    expect(engine.pulled).toEqual([PUBLISHED]);
  });

  test('when told to build, it lets the build decide about one of ours and leaves the published one alone', async () => {
    const engine = fakeStore({ images: { [OURS]: {}, [PUBLISHED]: {} } });
    const options = { engine, signal, build: async () => made, alwaysBuild: true };
    expect(await resolveImage(spec, options)).toBe(made);
    engine.images.delete(OURS);
    expect(await resolveImage(spec, options)).toBe(made);
    const { recipe: _, ...withoutRecipe } = spec;
    expect((await resolveImage(withoutRecipe, options)).ref).toBe(PUBLISHED);
  });

  test('has room made before an image is built or pulled, and not for one that is there', async () => {
    const calls: string[] = [];
    const beforeFurther = async () => void calls.push('room');
    const build = async () => {
      calls.push('build');
      return made;
    };
    await resolveImage(spec, { engine: fakeStore({ images: { [OURS]: {} } }), signal, build, beforeFurther });
    expect(calls).toEqual([]);
    await resolveImage(spec, { engine: fakeStore(), signal, build, beforeFurther });
    expect(calls).toEqual(['room', 'build']);
  });

  test('has the digest of a published image checked, and one of ours not', async () => {
    const checked: string[] = [];
    const puller = {
      pull: async (ref: string) => imageInfo(ref, 'sha256:pulled'),
      check: async (image: ImageInfo) => {
        checked.push(image.ref);
        return image;
      },
    };
    await resolveImage(spec, { engine: fakeStore({ images: { [OURS]: {} } }), signal, puller });
    await resolveImage(spec, { engine: fakeStore({ images: { [PUBLISHED]: {} } }), signal, puller });
    expect(checked).toEqual([PUBLISHED]);
    expect((await resolveImage(spec, { engine: fakeStore(), signal, puller })).digest).toBe('sha256:pulled');
  });
});

describe('ensureBase', () => {
  const engine = fakeStore({ images: { plain: {}, 'py:39': {} } });

  test('takes the base named for the Python version, else the plain one', async () => {
    const bases = ['3.9=py:39', 'plain'];
    expect((await ensureBase({ bases, python: '3.9', engine, signal })).ref).toBe('py:39');
    expect((await ensureBase({ bases, python: '3.10', engine, signal })).ref).toBe('plain');
    expect((await ensureBase({ bases, engine, signal })).ref).toBe('plain');
  });

  test('says how to make a base that is missing', async () => {
    await expect(ensureBase({ bases: ['other'], engine, signal })).rejects.toMatchObject({
      code: 'image_missing',
      message: expect.stringContaining('scripts/make-base.sh other'),
    });
    await expect(ensureBase({ bases: ['3.9=py:39'], python: '3.8', engine, signal })).rejects.toMatchObject({
      code: 'usage',
    });
  });
});
