import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eventsOf } from '../../plugins/agent/policy/sse.js';

async function read(text: string, cuts: readonly number[] = []): Promise<string[]> {
  const bytes = Buffer.from(text);
  const marks = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  async function* pieces() {
    for (const [i, mark] of marks.entries()) yield bytes.subarray(mark, marks[i + 1]);
  }
  const events: string[] = [];
  for await (const event of eventsOf(pieces())) events.push(event);
  return events;
}

test('events are the same however their bytes are cut', async () => {
  const data = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replace(/[\r\n]/g, '·'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(data),
      fc.array(fc.nat()),
      fc.constantFrom('\n', '\r\n'),
      async (all, cuts, end) => {
        const stream = all.map((text) => `data: ${text}${end}${end}`).join('');
        expect(await read(stream, cuts)).toEqual(all);
      },
    ),
  );
});

test('comments and other fields are passed over, lines of one event joined, the last may lack its end', async () => {
  expect(await read(': ping\n\nevent: x\ndata:a\ndata: b\n\nid: 7\n\ndata: c')).toEqual(['a\nb', 'c']);
});
