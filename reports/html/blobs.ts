import type { ReportFile } from '../../src/index.js';
import type { BlobRef } from './model.js';

/** gzip bytes of a text and what it is known by. */
export interface Packed {
  /** sha256 of the gzip bytes, hex. */
  readonly key: string;
  readonly base64: string;
  /** Of the text, uncompressed. */
  readonly bytes: number;
}

/** A log of more characters than this, as base64, stands beside the page whatever room there is. */
const LARGE = 64 * 1024;

/** What logs may take in the page, as base64: a page of many small ones is still one file. */
const ROOM = 4 * 1024 * 1024;

/** Decides what a page carries in itself and what stands beside it, each content once. */
export function blobStore(folder: string) {
  const inline = new Map<string, string>();
  const seen = new Set<string>();
  let room = ROOM;
  return {
    /** In the page itself. */
    keep({ key, base64, bytes }: Packed): BlobRef {
      inline.set(key, base64);
      return { key, bytes };
    },
    /** In the page while it is small and there is room, else in a file that the page loads as a script when it is looked at. */
    place({ key, base64, bytes }: Packed): { readonly ref: BlobRef; readonly file?: ReportFile } {
      const ref = { key, bytes };
      if (inline.has(key) || seen.has(key)) return { ref };
      if (base64.length <= Math.min(LARGE, room)) {
        room -= base64.length;
        inline.set(key, base64);
        return { ref };
      }
      seen.add(key);
      return { ref, file: { path: `${folder}/${key}.js`, content: `assayBlob("${key}","${base64}")\n` } };
    },
    inline: () => [...inline],
    hasBeside: () => seen.size > 0,
  };
}
