import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { frameSplitter } from '../../../src/engine/docker/frames.js';
import { frame } from '../../fixtures/engine/faults.js';

/** What comes out of a stream given in pieces. */
async function outputs(pieces: readonly Uint8Array[]): Promise<string> {
  let text = '';
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const bytes of source) text += bytes.toString('latin1');
  };
  await pipeline(Readable.from(pieces, { objectMode: true }), frameSplitter(), collect);
  return text;
}

/** `bytes` cut at the given places. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % bytes.length))].sort((a, b) => a - b);
  return [...sorted, bytes.length].map((end, i) => bytes.subarray(sorted[i - 1] ?? 0, end));
}

const frames = fc.array(
  fc.record({ type: fc.constantFrom(1, 2), content: fc.uint8Array({ maxLength: 200 }) }),
  { minLength: 1, maxLength: 40 },
);

describe('the splitter of the engine stream', () => {
  test('gives the output of both streams in order, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.nat(10_000), { maxLength: 60 }), async (sent, places) => {
        const expected = sent.map(({ content }) => Buffer.from(content).toString('latin1')).join('');
        const bytes = Buffer.concat(sent.map(({ type, content }) => frame(type, content)));
        const before = Buffer.from(bytes);
        expect(await outputs(cutAt(bytes, places))).toEqual(expected);
        expect(bytes.equals(before)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('any bytes give output or an engine_failed error, never something else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 10 }), async (pieces) => {
        await outputs(pieces).catch((error) => expect(error).toMatchObject({ code: 'engine_failed' }));
      }),
      { numRuns: 1000 },
    );
  });

  test('a stream that is cut anywhere inside a frame is an error that says so', async () => {
    const whole = frame(1, 'hello');
    for (let length = 1; length < whole.length; length++) {
      await expect(outputs([whole.subarray(0, length)])).rejects.toMatchObject({
        code: 'engine_failed',
        message: expect.stringContaining('ended'),
      });
    }
  });

  test('joins small frames into one piece', async () => {
    const chunk = Buffer.concat(Array.from({ length: 500 }, (_, i) => frame(1, `line ${i}\n`)));
    let pieces = 0;
    await pipeline(Readable.from([chunk]), frameSplitter(), async (source: AsyncIterable<Buffer>) => {
      for await (const _ of source) pieces++;
    });
    expect(pieces).toBe(1);
  });

  test('passes a 30 MB frame on piece by piece', async () => {
    const bytes = frame(2, Buffer.alloc(30e6, 'x'));
    let total = 0;
    let largest = 0;
    const places = Array.from({ length: 500 }, (_, i) => i * 65_536);
    await pipeline(
      Readable.from(cutAt(bytes, places)),
      frameSplitter(),
      async (source: AsyncIterable<Buffer>) => {
        for await (const piece of source) {
          total += piece.length;
          largest = Math.max(largest, piece.length);
        }
      },
    );
    expect(total).toBe(30e6);
    expect(largest).toBeLessThanOrEqual(65_536);
  });

  test("an error frame is thrown with the engine's words", async () => {
    await expect(outputs([frame(1, 'x'), frame(3, 'daemon gave up')])).rejects.toMatchObject({
      code: 'engine_failed',
      message: 'the engine says: daemon gave up',
    });
  });

  test('a slow reader holds the writer back', async () => {
    const splitter = frameSplitter();
    const chunk = Buffer.concat([frame(1, 'a'), frame(2, 'b')]);
    let accepted = 0;
    while (splitter.write(chunk) && accepted < 100_000) accepted++;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(splitter.writableNeedDrain).toBe(true);
    splitter.destroy();
  });
});
