import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { packed, readScores, writeBatch } from '../../plugins/trainer/batch-file.js';
import { float32Tensors, safetensorsParts, type Tensors } from '../../plugins/trainer/safetensors.js';
import type { Sequence } from '../../plugins/trainer/trainer.js';
import { sha256 } from '../../src/index.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-batch-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytesOf = (tensors: Tensors) => Buffer.concat([...safetensorsParts(tensors)]);
const plain = (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, values]) => [name, [...values]]));

const ONE: Sequence = {
  tokens: [5, 6, 7],
  weights: [0, 1, 0.5],
  advantages: [0, -1, 2],
  oldLogprobs: [0, -0.5, -0.25],
  rolloutLogprobs: [Number.NaN, -0.5, Number.NaN],
};
const OTHER: Sequence = { tokens: [8, 9], weights: [0, 1], advantages: [0, 3], oldLogprobs: [0, -2] };

describe('a batch', () => {
  test('is packed, one sequence after the other; what a sequence does not bring is NaN', () => {
    expect(plain(packed([ONE, OTHER], 'policy'))).toEqual({
      input_ids: [5, 6, 7, 8, 9],
      cu_seqlens: [0, 3, 5],
      weights: [0, 1, 0.5, 0, 1],
      advantages: [0, -1, 2, 0, 3],
      old_logprobs: [0, -0.5, -0.25, 0, -2],
      rollout_logprobs: [Number.NaN, -0.5, Number.NaN, Number.NaN, Number.NaN],
    });
    expect(Object.keys(packed([{ tokens: [1, 2], weights: [0, 1] }]))).toEqual([
      'input_ids',
      'cu_seqlens',
      'weights',
    ]);
  });

  test.each<[string, object, string]>([
    ['without a token', { tokens: [], weights: [] }, 'it has no token'],
    ['with too few weights', { weights: [0, 1] }, '2 weights for 3 tokens'],
    ['with too many advantages', { advantages: [0, 1, 2, 3] }, '4 advantages for 3 tokens'],
    ['with too few rollout log-probabilities', { rolloutLogprobs: [] }, '0 rolloutLogprobs for 3 tokens'],
    ['without old log-probabilities', { oldLogprobs: undefined }, 'a policy loss needs oldLogprobs'],
    ['with half a token', { tokens: [1, 2.5, 3] }, 'token 1 is 2.5, which is no token id'],
    ['with a negative token', { tokens: [1, 2, -3] }, 'token 2 is -3'],
    ['with a token beyond 32 bits', { tokens: [1, 2 ** 31, 3] }, 'token 1 is 2147483648'],
    ['with a weight that is no number', { weights: [0, Number.NaN, 1] }, 'the weight of token 1 is NaN'],
    ['with a weight beyond 32 bits', { weights: [0, 1e39, 1] }, 'the weight of token 1 is 1e+39'],
    ['with a weight on its first token', { weights: [1, 1, 1] }, 'the weight of its first token is 1'],
  ])('%s is refused, with the index of the sequence', (_, change, words) => {
    expect(() => packed([OTHER, { ...ONE, ...change }], 'policy')).toThrow(
      expect.objectContaining({
        code: 'trainer_refused',
        message: expect.stringContaining(`sequence 1 of the batch: ${words}`),
      }),
    );
  });

  test('of nothing is refused; advantages that are no numbers are the loss to leave out', () => {
    expect(() => packed([])).toThrow('the batch has no sequence');
    expect(packed([{ ...OTHER, advantages: [0, Number.NaN] }], 'policy')['advantages']).toEqual(
      Float32Array.of(0, Number.NaN),
    );
  });

  test('is written whole, with the sha256 of its bytes and an aligned header', async () => {
    const file = await writeBatch(join(folder, 'a', 'batch'), [ONE, OTHER], 'policy');
    const bytes = await readFile(file.path);
    expect(file.sha256).toBe(sha256(bytes));
    expect(await readdir(join(folder, 'a'))).toEqual(['batch']);
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0);
    expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toMatchObject({
      input_ids: { dtype: 'I32', shape: [5], data_offsets: [0, 20] },
      weights: { dtype: 'F32', shape: [5] },
    });
  });
});

describe('safetensors', () => {
  test('floats come back as they were, whatever else is in the file', () => {
    const name = fc.stringMatching(/^[a-z_]{1,12}$/);
    const floats = fc.array(fc.float(), { maxLength: 20 }).map((values) => Float32Array.from(values));
    fc.assert(
      fc.property(fc.dictionary(name, floats), fc.array(fc.integer()), (tensors, ids) => {
        const all = { '0ids': Int32Array.from(ids), ...tensors };
        // At an odd place of memory, as parts of larger reads are.
        const bytes = Buffer.concat([Buffer.alloc(1), bytesOf(all)]).subarray(1);
        expect(float32Tensors(bytes)).toEqual({ ...tensors });
      }),
    );
  });

  test('bytes that are none are said to be so', () => {
    const bytes = bytesOf({ a: Float32Array.of(1, 2, 3) });
    expect(() => float32Tensors(Buffer.alloc(3))).toThrow('it has 3 bytes');
    expect(() => float32Tensors(bytes.subarray(0, bytes.length - 1))).toThrow(
      '"a" is not inside of the file',
    );
    expect(() => float32Tensors(Buffer.alloc(100, 0xff))).toThrow('its header is said to have');
    expect(() => float32Tensors(bytes.fill(0x20, 8, 12))).toThrow(SyntaxError);
  });
});

describe('scores', () => {
  const batch = [ONE, OTHER];
  async function scores(tensors: Tensors) {
    const bytes = bytesOf(tensors);
    await writeFile(join(folder, 'scores'), bytes);
    return { path: join(folder, 'scores'), sha256: sha256(bytes) };
  }

  test('are split into the sequences of the batch', async () => {
    const read = await readScores(await scores({ logprobs: Float32Array.of(0, -1, -2, 0, -4) }), batch);
    expect(read).toEqual({ logprobs: [Float32Array.of(0, -1, -2), Float32Array.of(0, -4)] });
  });

  test.each([
    ['of another batch', { logprobs: Float32Array.of(1) }, '1 scores for a batch of 5 tokens'],
    ['without log-probabilities', { other: Float32Array.of(1) }, 'no "logprobs"'],
  ])('%s are refused', async (_, tensors, words) => {
    await expect(readScores(await scores(tensors), batch)).rejects.toMatchObject({
      code: 'trainer_failed',
      message: expect.stringContaining(words),
    });
  });

  test('that changed, that are no file, or that are not there are refused', async () => {
    const file = await scores({ logprobs: Float32Array.of(0, -1, -2, 0, -4) });
    await expect(readScores({ ...file, sha256: 'other' }, batch)).rejects.toThrow('sha256 is not other');
    await expect(readScores({ ...file, path: `${file.path}2` }, batch)).rejects.toThrow('ENOENT');
    await writeFile(file.path, 'no');
    await expect(readScores({ ...file, sha256: sha256('no') }, batch)).rejects.toThrow('no safetensors file');
  });
});
