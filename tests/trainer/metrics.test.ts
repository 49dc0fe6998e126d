import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { crc32c, maskedCrc } from '../../plugins/trainer/metrics/crc32c.js';
import { eventRecord } from '../../plugins/trainer/metrics/event.js';
import { openSeries } from '../../plugins/trainer/metrics/series.js';

describe('CRC-32C', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  it.each([
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
    [Buffer.from('123456789'), 0xe3069283],
    [Buffer.alloc(0), 0],
  ])('of known bytes is known: %#', (bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it('is masked as in TFRecord files', () => {
    // 0xe3069283: rotated by 15 to the right 0x2507c60d, plus 0xa282ead8
    expect(maskedCrc(Buffer.from('123456789'))).toBe(0xc78ab0e5);
  });
});

interface Field {
  readonly field: number;
  readonly value: number | bigint | Buffer;
}

/** A protobuf message as its fields: a decoder of its own, from the wire format. */
function fieldsOf(message: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const [field, type] = [key >> 3, key & 7];
    if (type === 0) fields.push({ field, value: varint() });
    else {
      const length = type === 1 ? 8 : type === 5 ? 4 : Number(varint());
      const content = message.subarray(at, at + length);
      at += length;
      const value = type === 1 ? content.readDoubleLE() : type === 5 ? content.readFloatLE() : content;
      fields.push({ field, value });
    }
  }
  return fields;
}

const get = (fields: readonly Field[], field: number) => fields.find((one) => one.field === field)?.value;

/** Events of a file; checks both checksums of every record. */
function eventsOf(file: Buffer) {
  const events = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc(data));
    at += 16 + length;
    const fields = fieldsOf(data);
    const summary = get(fields, 5) as Buffer | undefined;
    events.push({
      wallTime: get(fields, 1),
      step: Number(get(fields, 2)),
      version: (get(fields, 3) as Buffer | undefined)?.toString(),
      session: get(fields, 7) === undefined ? undefined : fieldsOf(get(fields, 7) as Buffer),
      scalars: Object.fromEntries(
        (summary === undefined ? [] : fieldsOf(summary)).map(({ value }) => {
          const inner = fieldsOf(value as Buffer);
          return [(get(inner, 1) as Buffer).toString(), get(inner, 2)];
        }),
      ),
    });
  }
  return events;
}

describe('events', () => {
  it('come back as they were written', () => {
    const scalar = fc.float({ noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.dictionary(fc.string({ minLength: 1, unit: 'grapheme' }), scalar, { noNullPrototype: true }),
        (step, scalars) => {
          const [event] = eventsOf(eventRecord({ wallTime: 1764174000.25, step, scalars }));
          expect(event).toMatchObject({ wallTime: 1764174000.25, step });
          expect(event?.scalars).toEqual(scalars);
        },
      ),
    );
  });
});

describe('a series', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'series-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const clock = (seconds: number) => ({ iso: () => new Date(seconds * 1000).toISOString() });
  const read = async (name: string) =>
    (await readFile(join(folder, `${name}.jsonl`), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('is lines of JSON and a file of TensorBoard', async () => {
    const series = await openSeries({ folder, name: 'steps', from: 1, clock: clock(1764174000) });
    await series.write(1, { 'train/loss': 0.5, 'train/entropy': 0.25 });
    await series.write(2, { 'train/loss': -1.5 });
    expect(await read('steps')).toEqual([
      { step: 1, time: 1764174000, 'train/loss': 0.5, 'train/entropy': 0.25 },
      { step: 2, time: 1764174000, 'train/loss': -1.5 },
    ]);
    const [name = ''] = await readdir(join(folder, 'tensorboard', 'steps'));
    expect(name).toMatch(/^events\.out\.tfevents\.1764174000\./);
    const events = eventsOf(await readFile(join(folder, 'tensorboard', 'steps', name)));
    expect(events.map(({ step, version, scalars }) => ({ step, version, scalars }))).toEqual([
      { step: 0, version: 'brain.Event:2', scalars: {} },
      { step: 1, version: undefined, scalars: {} },
      { step: 1, version: undefined, scalars: { 'train/loss': 0.5, 'train/entropy': 0.25 } },
      { step: 2, version: undefined, scalars: { 'train/loss': -1.5 } },
    ]);
    expect(events[1]?.session).toEqual([{ field: 1, value: 1n }]);
  });

  it('that goes on from an earlier step has each step once, and tells TensorBoard', async () => {
    const before = await openSeries({ folder, name: 'steps', from: 1, clock: clock(1000) });
    for (const step of [1, 2, 3]) await before.write(step, { x: step });
    const path = join(folder, 'steps.jsonl');
    await writeFile(path, `${await readFile(path, 'utf8')}{"step":4,"ti`);
    const after = await openSeries({ folder, name: 'steps', from: 3, clock: clock(2000) });
    await after.write(3, { x: 30 });
    expect((await read('steps')).map(({ step, x }) => [step, x])).toEqual([
      [1, 1],
      [2, 2],
      [3, 30],
    ]);
    const names = (await readdir(join(folder, 'tensorboard', 'steps'))).sort();
    const events = eventsOf(await readFile(join(folder, 'tensorboard', 'steps', names.at(-1) ?? '')));
    expect(events[1]).toMatchObject({ step: 3, session: [{ field: 1, value: 1n }] });
  });
});
