import { constants, crc32, inflateRawSync } from 'node:zlib';

/** Sizes, offsets and flags of RFC 1952. */
const MAGIC = Buffer.from([0x1f, 0x8b, 8]);
const HEADER = 10;
const TRAILER = 8;
const FLAGS_AT = 3;
const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16 } as const;

/** One member of a gzip file. */
export interface GzipMember {
  /** All of it, or what can be had of one that the file ends in the middle of. */
  readonly content: Buffer;
  /** Where the next one begins; absent when the file ends before this one does. */
  readonly end?: number;
}

/** The members of a gzip file, in order; the last one may be cut short. Throws a plain Error at bytes that are no member. */
export function* gzipMembers(bytes: Buffer): Generator<GzipMember> {
  for (let start: number | undefined = 0; start !== undefined && start < bytes.length; ) {
    const member = memberAt(bytes, start);
    yield member;
    start = member.end;
  }
}

function memberAt(bytes: Buffer, start: number): GzipMember {
  const magic = bytes.subarray(start, start + MAGIC.length);
  if (!magic.equals(MAGIC.subarray(0, magic.length))) throw new Error(`no gzip member at byte ${start}`);
  const from = afterHeader(bytes, start);
  const { content, length } = inflate(bytes.subarray(from));
  const end = from + length + TRAILER;
  if (end > bytes.length) return { content };
  const isWhole =
    bytes.readUInt32LE(end - TRAILER) === crc32(content) &&
    bytes.readUInt32LE(end - TRAILER / 2) === content.length % 2 ** 32;
  if (!isWhole) throw new Error(`the gzip member at byte ${start} does not match its checksum`);
  return { content, end };
}

/** Beyond the last byte when the header is cut short. */
function afterHeader(bytes: Buffer, start: number): number {
  const flags = bytes[start + FLAGS_AT] ?? 0;
  let at = start + HEADER;
  if (flags & FLAG.extra) at += at + 2 > bytes.length ? 2 : 2 + bytes.readUInt16LE(at);
  for (const flag of [FLAG.name, FLAG.comment]) {
    if (!(flags & flag)) continue;
    const zero = bytes.indexOf(0, at);
    at = zero === -1 ? bytes.length : zero + 1;
  }
  return flags & FLAG.headerCrc ? at + 2 : at;
}

/** What deflated bytes hold and how many they are; all that are there when they end too soon. */
function inflate(bytes: Buffer): { readonly content: Buffer; readonly length: number } {
  try {
    // With `info` zlib tells where the deflated bytes ended; its types don't know of it.
    const { buffer, engine } = inflateRawSync(bytes, { info: true }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    return { content: buffer, length: engine.bytesWritten };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'Z_BUF_ERROR') throw error;
    return {
      content: inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }),
      length: bytes.length,
    };
  }
}
