import { maskedCrc } from './crc32c.js';

/** Of a TensorBoard event file; fields as in `event.proto` and `summary.proto` of TensorFlow. */
export type TensorBoardEvent = {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
} & (
  | { readonly fileVersion: string }
  /** What was written of this step and later ones before is void. */
  | { readonly restart: true }
  | { readonly scalars: Readonly<Record<string, number>> }
);

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A record of a TFRecord file: length, its checksum, the event, its checksum. */
export function eventRecord(event: TensorBoardEvent): Buffer {
  const data = eventBytes(event);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, uint32(maskedCrc(length)), data, uint32(maskedCrc(data))]);
}

function eventBytes(event: TensorBoardEvent): Buffer {
  const head = [tag(1, FIXED64), float64(event.wallTime), tag(2, VARINT), varint(event.step)];
  if ('fileVersion' in event) return Buffer.concat([...head, bytes(3, Buffer.from(event.fileVersion))]);
  // SessionLog with the status START.
  if ('restart' in event)
    return Buffer.concat([...head, bytes(7, Buffer.concat([tag(1, VARINT), varint(1)]))]);
  const values = Object.entries(event.scalars).map(([name, value]) =>
    bytes(1, Buffer.concat([bytes(1, Buffer.from(name)), tag(2, FIXED32), float32(value)])),
  );
  return Buffer.concat([...head, bytes(5, Buffer.concat(values))]);
}

const tag = (field: number, wireType: number) => varint((field << 3) | wireType);

function bytes(field: number, content: Buffer): Buffer {
  return Buffer.concat([tag(field, BYTES), varint(content.length), content]);
}

/** Of a whole number from 0. */
function varint(value: number): Buffer {
  const found: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) found.push((rest % 128) | 128);
  return Buffer.from([...found, rest]);
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function float32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

function float64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(value);
  return buffer;
}
