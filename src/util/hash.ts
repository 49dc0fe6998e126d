import { createHash } from 'node:crypto';

/** Lower-case hex sha256 of bytes or UTF-8 text; equals `sha256sum`. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** The same of text in base64, as a content security policy has it. */
export function sha256Base64(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** JSON with sorted keys and no spaces, so that equal values have equal text. Members that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}
