import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseChunks, parseFile } from '../src/index.js';

async function collect(rows) {
  const result = [];
  for await (const row of rows) result.push(row);
  return result;
}

/** A file of the given content that counts how often it was closed. */
function fakeFile(content) {
  const bytes = Buffer.from(content);
  const file = { closed: 0, position: 0 };
  file.openFile = async () => ({
    async read(buffer, offset, length) {
      const bytesRead = bytes.copy(buffer, offset, file.position, file.position + length);
      file.position += bytesRead;
      return { bytesRead };
    },
    async close() {
      file.closed += 1;
    },
  });
  return file;
}

describe('parseChunks', () => {
  it('joins a row that spans chunks', async () => {
    assert.deepEqual(await collect(parseChunks(['a,"b', 'c"', '\nd,e'])), [['a', 'bc'], ['d', 'e']]);
  });

  it('takes CRLF split between chunks as one line end', async () => {
    const rows = parseChunks(['a\r', '\nb\n'], { skipEmptyLines: false });
    assert.deepEqual(await collect(rows), [['a'], ['b']]);
  });

  it('gives records with a header', async () => {
    assert.deepEqual(await collect(parseChunks([Buffer.from('id\n1\n')], { header: true })), [{ id: '1' }]);
  });

  it('yields a row before the next chunk is read', async () => {
    let reads = 0;
    const chunks = (async function* () {
      for (const chunk of ['a\n', 'b\n']) {
        reads += 1;
        yield chunk;
      }
    })();
    const rows = parseChunks(chunks);
    assert.deepEqual((await rows.next()).value, ['a']);
    assert.equal(reads, 1);
    await rows.return();
  });
});

describe('parseFile', () => {
  it('reads all rows and closes the file', async () => {
    const file = fakeFile('a,b\nc,d\n');
    assert.deepEqual(await collect(parseFile('x.csv', { openFile: file.openFile })), [['a', 'b'], ['c', 'd']]);
    assert.equal(file.closed, 1);
  });

  it('passes on that a file is missing', async () => {
    await assert.rejects(collect(parseFile('/no/such/file.csv')), { code: 'ENOENT' });
  });
});
