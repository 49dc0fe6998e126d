import { describe, expect, test } from '@jest/globals';
import { ensureBase, resolveImage } from '../../src/image/resolve.js';
import { fakeImages } from './fake-images.js';

const signal = new AbortController().signal;
const spec = { instanceId: 'a__a-1', images: ['assay.eval.a__a-1:latest', 'swebench/a__a-1:latest'] };

describe('resolveImage', () => {
  test('takes the local image before the published one', async () => {
    const engine = fakeImages({ present: spec.images });
    expect((await resolveImage(spec, { engine, signal })).ref).toBe('assay.eval.a__a-1:latest');
    expect(engine.pulled).toEqual([]);
  });

  test('takes a published image that is there without pulling it again', async () => {
    const engine = fakeImages({ present: ['swebench/a__a-1:latest'] });
    expect((await resolveImage(spec, { engine, signal })).ref).toBe('swebench/a__a-1:latest');
    expect(engine.pulled).toEqual([]);
  });

  test('pulls the published image and never a name that only we could have built', async () => {
    const engine = fakeImages({});
    await resolveImage(spec, { engine, signal });
    expect(engine.pulled).toEqual(['swebench/a__a-1:latest']);
    const local = { ...spec, images: ['assay.eval.a__a-1:latest'] };
    await expect(resolveImage(local, { engine, signal })).rejects.toMatchObject({ code: 'image_missing' });
    expect(engine.pulled).toHaveLength(1);
  });
});

describe('ensureBase', () => {
  const engine = fakeImages({ present: ['plain', 'py:39'] });

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
