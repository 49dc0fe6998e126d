import type { BlobRef, Page } from '../model.js';

/** Where the page and what is behind its clicks come from. */
export interface Source {
  page(): Promise<Page>;
  /** The text of a blob as bytes, as they are unpacked. Rejects where it can't be had. */
  blob(ref: BlobRef): Promise<ReadableStream<Uint8Array>>;
  /** Calls back when the page has changed; returns how to stop. Absent where it never does. */
  watch?(changed: () => void): () => void;
}

/** A blob of JSON. */
export async function readJson<T>(source: Source, ref: BlobRef): Promise<T> {
  return (await new Response(await source.blob(ref)).json()) as T;
}
