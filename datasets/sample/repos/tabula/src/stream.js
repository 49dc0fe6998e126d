import { open } from 'node:fs/promises';
import { parserOptions } from './options.js';
import { RowParser, recordSink } from './parse.js';

const READ_SIZE = 64 * 1024;

/** Rows of an iterable of strings or UTF-8 byte chunks, as they become complete. */
export async function* parseChunks(chunks, options = {}) {
  const ready = [];
  const collect = (row) => ready.push(row);
  const parser = new RowParser(options, parserOptions(options).header ? recordSink(collect) : collect);
  for await (const chunk of chunks) {
    parser.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
    yield* ready.splice(0);
  }
  parser.end();
  yield* ready.splice(0);
}

async function* readAll(handle) {
  const buffer = Buffer.alloc(READ_SIZE);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    yield Buffer.from(buffer.subarray(0, bytesRead));
  }
}

/**
 * Rows of a file. `options.openFile` replaces `fs.promises.open` (for archives, for tests): it is called with
 * the path and gives an object with `read(buffer, offset, length, position)` and `close()`.
 */
export async function* parseFile(path, options = {}) {
  const { openFile = open, ...parsing } = options;
  const handle = await openFile(path);
  yield* parseChunks(readAll(handle), parsing);
  await handle.close();
}
