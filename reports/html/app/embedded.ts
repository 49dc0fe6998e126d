import type { BlobRef, Page } from '../model.js';
import type { Source } from './source.js';

declare global {
  interface Window {
    /** What a file beside the page calls with its content. */
    assayBlob?: (key: string, base64: string) => void;
  }
}

/** A report file: everything is in it, but for large logs in files beside it, which are loaded as scripts as `file://` knows no fetch. */
export function embeddedSource(element: Element): Source {
  const { page, beside } = JSON.parse(element.textContent ?? '') as { page: Page; beside?: string };
  const loaded = new Map<string, string>();
  window.assayBlob = (key, base64) => loaded.set(key, base64);
  return {
    page: async () => page,
    async blob({ key }: BlobRef) {
      await whenParsed();
      const inPage = document.querySelector(`script[data-blob="${key}"]`)?.textContent;
      return unpack(inPage ?? loaded.get(key) ?? (await load(`${beside}/${key}.js`, key)));
    },
  };

  async function load(path: string, key: string): Promise<string> {
    const script = document.createElement('script');
    script.src = path;
    await new Promise((resolve, reject) => {
      script.onload = resolve;
      script.onerror = () =>
        reject(new Error(`${path} is not beside this page: copy the folder along with it`));
      document.head.append(script);
    });
    script.remove();
    const base64 = loaded.get(key);
    if (base64 === undefined) throw new Error(`${path} is not what was written beside this page`);
    return base64;
  }
}

/** Blobs stand behind the application in the file. */
async function whenParsed(): Promise<void> {
  if (document.readyState !== 'loading') return;
  await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve, { once: true }));
}

/** Characters of base64 that are decoded at once: whole groups of four, a millisecond's work. */
const PIECE = 128 * 1024;

function unpack(base64: string): ReadableStream<Uint8Array> {
  let at = 0;
  const packed = new ReadableStream<BufferSource>({
    pull(controller) {
      if (at >= base64.length) return controller.close();
      const text = atob(base64.slice(at, at + PIECE));
      const bytes = new Uint8Array(text.length);
      for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
      controller.enqueue(bytes);
      at += PIECE;
    },
  });
  return packed.pipeThrough(new DecompressionStream('gzip'));
}
