import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hubSettingsFromEnv } from '../../src/dataset/hub.js';
import { type LoadOptions, loadRows } from '../../src/dataset/load.js';
import { sha256 } from '../../src/util/hash.js';
import { type FakeHub, startFakeHub } from './fake-hub.js';

const line = (n: number) => `${JSON.stringify({ n })}\n`;
const FILES = {
  'README.md': '# demo',
  'data/test-00000-of-00002.jsonl': line(1) + line(2),
  'data/test-00001-of-00002.jsonl': line(3),
  'data/2025_05-00000-of-00001.jsonl': line(5),
};

let hub: FakeHub;
let root: string;
beforeEach(async () => {
  hub = await startFakeHub(FILES);
  root = await mkdtemp(join(tmpdir(), 'assay-hub-'));
});
afterEach(async () => {
  await hub.close();
  await rm(root, { recursive: true, force: true });
});

const load = (options: Partial<LoadOptions> = {}, settings: Partial<LoadOptions['hub']> = {}) =>
  loadRows({
    source: 'demo/adder',
    aliases: {},
    cwd: root,
    cacheDir: join(root, 'assay'),
    ...options,
    hub: {
      endpoint: hub.endpoint,
      offline: false,
      cacheDir: join(root, 'hub'),
      retries: 2,
      retryDelayMs: 5,
      idleMs: 300,
      ...settings,
    },
  });
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('no error');
    },
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );
const downloads = () => hub.requests.filter((request) => request.includes('/resolve/')).length;
const inHub = (...parts: string[]) => join(root, 'hub', 'datasets--demo--adder', ...parts);

describe('a dataset of the Hub', () => {
  test('is read file by file in order, with commit and checksum', async () => {
    const loaded = await load();
    expect(loaded).toMatchObject({ name: 'demo/adder', revision: hub.commit });
    expect(loaded.rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(loaded.sha256).toBe(sha256(`${sha256(line(1) + line(2))}\n${sha256(line(3))}\n`));
  });

  test('lies in the folder layout that Python shares', async () => {
    await load({ split: '2025_05' });
    expect(await readFile(inHub('refs', 'main'), 'utf8')).toBe(hub.commit);
    const target = await readlink(inHub('snapshots', hub.commit, 'data', '2025_05-00000-of-00001.jsonl'));
    expect(target).toMatch(/^\.\.\/\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
    expect(await readdir(inHub('blobs'))).toHaveLength(1);
  });

  test('needs no request when loaded again, online or offline, also after a new commit', async () => {
    await load();
    const before = hub.requests.length;
    hub.commit = 'b'.repeat(40);
    expect((await load()).revision).toBe('a'.repeat(40));
    expect((await load({}, { offline: true })).rows).toHaveLength(3);
    expect(hub.requests).toHaveLength(before);
  });

  test('moves to the new commit with refresh, and fetches changed files only', async () => {
    await load();
    const before = downloads();
    hub.commit = 'b'.repeat(40);
    hub.files.set('data/test-00001-of-00002.jsonl', Buffer.from(line(4)));
    expect(await load({ refresh: true })).toMatchObject({
      revision: hub.commit,
      rows: [{ n: 1 }, { n: 2 }, { n: 4 }],
    });
    expect(downloads() - before).toBe(2); // one file: a probe for its size, then its bytes
    expect((await load()).revision).toBe(hub.commit);
  });

  test('takes a branch or a commit as revision', async () => {
    expect((await load({ revision: 'v1' })).revision).toBe(hub.commit);
    const before = hub.requests.length;
    expect((await load({ revision: hub.commit })).rows).toHaveLength(3);
    expect(hub.requests.slice(before)).toEqual([`GET /api/datasets/demo/adder/tree/${hub.commit}`]);
  });

  test('is fetched again when a cached file was changed, and refused offline', async () => {
    await load();
    const blob = (await readdir(inHub('blobs')))[0] ?? '';
    await writeFile(inHub('blobs', blob), 'spoilt');
    expect(await failure(load({}, { offline: true }))).toMatch(/^dataset_offline: .*gone or changed/);
    expect((await load()).rows).toHaveLength(3);
  });

  test('works offline from what Python left in the cache', async () => {
    await load();
    await rm(join(root, 'assay'), { recursive: true });
    expect((await load({}, { offline: true })).revision).toBe(hub.commit);
  });

  test('is refused offline when it was never fetched, and with refresh', async () => {
    expect(await failure(load({}, { offline: true }))).toMatch(/^dataset_offline: .*not in the cache/);
    await load();
    expect(await failure(load({ refresh: true }, { offline: true }))).toMatch(
      /^dataset_offline: .*--refresh/,
    );
    expect(hub.requests.filter((request) => request.includes('revision'))).toHaveLength(1);
  });

  test('names the splits it has when the wanted one is missing', async () => {
    expect(await failure(load({ split: 'dev' }))).toBe(
      'unknown_dataset: demo/adder has no split "dev"; it has 2025_05, test',
    );
  });

  test('sends the token to the Hub', async () => {
    let seen: string | undefined;
    hub.mischief = (request) => {
      seen ??= request.headers.authorization;
      return false;
    };
    await load({}, { token: 'of-a-mirror' });
    expect(seen).toBe('Bearer of-a-mirror');
  });

  test('is refetched for the same commit only with the same bytes', async () => {
    await load();
    await rm(inHub(), { recursive: true });
    hub.files.set('data/test-00001-of-00002.jsonl', Buffer.from(line(9)));
    expect(await failure(load())).toMatch(/^bad_dataset: .*other files for this commit/);
  });
});

test('a file in Xet storage behind a redirect is read, and the token stays with the Hub', async () => {
  const bytes = Buffer.from(line(5));
  const seen: (string | undefined)[] = [];
  const store = await startFakeHub({});
  store.mischief = (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    return true;
  };
  hub.mischief = (request, response) => {
    if (!request.url?.includes('/resolve/')) return false;
    if (request.headers.range !== undefined)
      response
        .writeHead(200, {
          'content-type': 'application/vnd.xet-fileinfo+json',
          'x-linked-size': bytes.length,
          'x-xet-hash': 'a'.repeat(64),
          etag: '"x"',
          link: `<${hub.endpoint}/r>; rel="xet-reconstruction-info", <${hub.endpoint}/a>; rel="xet-auth"`,
        })
        .end('{}');
    else response.writeHead(302, { location: `${store.endpoint}/blob` }).end();
    return true;
  };
  expect((await load({ split: '2025_05' }, { token: 'hf_abc' })).rows).toEqual([{ n: 5 }]);
  expect(seen).toEqual([undefined]);
  await store.close();
});

describe('a Hub that misbehaves', () => {
  const times = (n: number, act: (response: import('node:http').ServerResponse) => void) => {
    let left = n;
    hub.mischief = (_request, response) => {
      if (left-- <= 0) return false;
      act(response);
      return true;
    };
  };

  test.each([[429], [500], [503]])('answers %i twice: the third try succeeds', async (status) => {
    times(2, (response) => response.writeHead(status, { 'retry-after': '0' }).end());
    expect((await load()).rows).toHaveLength(3);
  });

  test('answers 500 for ever: a clear error after the retries', async () => {
    times(99, (response) => response.writeHead(500).end('<html>'));
    expect(await failure(load())).toMatch(
      /^hub_unavailable: demo\/adder \(revision main\) at http.*: status 500$/,
    );
    expect(hub.requests).toHaveLength(3);
  });

  test('waits as long as Retry-After says', async () => {
    times(1, (response) => response.writeHead(429, { 'retry-after': '1' }).end());
    const start = performance.now();
    await load();
    expect(performance.now() - start).toBeGreaterThan(950);
  });

  test.each([[401], [403]])('answers %i: access denied, without a retry', async (status) => {
    times(99, (response) => response.writeHead(status).end());
    expect(await failure(load())).toMatch(/^hub_unavailable: .*access denied/);
    expect(hub.requests).toHaveLength(1);
  });

  test('does not know the dataset: unknown_dataset', async () => {
    expect(await failure(load({ source: 'demo/other' }))).toMatch(
      /^unknown_dataset: demo\/other .*not found/,
    );
  });

  test('drops connections twice: the third try succeeds', async () => {
    times(2, (response) => response.destroy());
    expect((await load()).rows).toHaveLength(3);
  });

  test('never answers: an error after the idle limit', async () => {
    times(99, () => {});
    expect(await failure(load({}, { retries: 0 }))).toMatch(/^hub_unavailable: .*no answer for 0.3 s/);
  });

  test('stops in the middle of a file: an error after the idle limit', async () => {
    hub.mischief = (request, response) => {
      if (!request.url?.includes('/resolve/') || request.headers.range !== undefined) return false;
      response.writeHead(200, { 'content-length': 1000 }).write('{');
      return true;
    };
    expect(await failure(load({}, { retries: 1 }))).toMatch(/^hub_unavailable: .*no answer for 0.3 s/);
    expect((await readdir(inHub('blobs'))).filter((name) => name.includes('incomplete'))).toEqual([]);
  });

  test.each([
    ['other bytes of the same size', Buffer.from('x'.repeat((line(1) + line(2)).length)), 'arrived damaged'],
    ['half of the bytes', Buffer.from(line(1)), 'arrived with 8 of 16 bytes'],
    ['a page of HTML', Buffer.from('<html>log in</html>'), 'arrived with 19 of 16 bytes'],
  ])('sends %s: nothing is kept and the error says so', async (_what, bytes, expected) => {
    hub.mischief = (request, response) => {
      if (!request.url?.includes('/resolve/') || request.headers.range !== undefined) return false;
      response.writeHead(200, { etag: '"x"' }).end(bytes);
      return true;
    };
    expect(await failure(load())).toMatch(new RegExp(`^hub_unavailable: .*${expected}`));
    expect(await readdir(inHub('blobs'))).toEqual([]);
  });

  test.each([
    ['a page of HTML', '<html>log in</html>'],
    ['no commit', '{"id":"demo/adder","sha":"../../etc"}'],
    ['null', 'null'],
    ['nothing', ''],
  ])('answers the first question with %s: a clear error', async (_what, body) => {
    times(99, (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body));
    expect(await failure(load())).toMatch(
      /^hub_unavailable: demo\/adder .*(answer is not the Hub's|no commit)$/,
    );
    expect(hub.requests).toHaveLength(1);
  });

  test.each([
    ['no list', '{}'],
    ['null entries', '[null]'],
    ['an entry without a hash', '[{"type":"file","path":"test.jsonl","size":1}]'],
    ['a hash that is a path', '[{"type":"file","path":"test.jsonl","size":1,"oid":"../../../../x"}]'],
    [
      'a path that leaves the folder',
      `[{"type":"file","path":"../../test.jsonl","size":1,"oid":"${'a'.repeat(40)}"}]`,
    ],
    ['no files', '[]'],
  ])('lists %s: a clear error and no file outside the cache', async (_what, body) => {
    hub.mischief = (request, response) => {
      if (!request.url?.includes('/tree/')) return false;
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      return true;
    };
    expect(await failure(load())).toMatch(/^(hub_unavailable|unknown_dataset): demo\/adder/);
    expect(await readdir(root)).toEqual([]);
  });

  test('pages its listing without end: an error, not a hang', async () => {
    hub.mischief = (request, response) => {
      if (!request.url?.includes('/tree/')) return false;
      response
        .writeHead(200, {
          'content-type': 'application/json',
          link: `<${hub.endpoint}${request.url}>; rel="next"`,
        })
        .end('[]');
      return true;
    };
    expect(await failure(load())).toMatch(/^hub_unavailable: .*more than 500 requests/);
  });

  test.each([['hub.local'], ['https://'], ['']])(
    'has no address: HF_ENDPOINT %j is a usage error',
    async (endpoint) => {
      expect(await failure(load({}, { endpoint }))).toMatch(/^usage: HF_ENDPOINT/);
    },
  );

  test('is not there: hub_unavailable', async () => {
    expect(await failure(load({}, { endpoint: 'http://127.0.0.1:1' }))).toMatch(
      /^hub_unavailable: .*fetch failed/,
    );
  });
});

describe('settings from the environment', () => {
  test('follow the rules of huggingface_hub', () => {
    expect(hubSettingsFromEnv({}, '/home/u')).toEqual({
      endpoint: 'https://huggingface.co',
      offline: false,
      cacheDir: '/home/u/.cache/huggingface/hub',
    });
    expect(
      hubSettingsFromEnv(
        {
          HF_ENDPOINT: 'https://mirror/',
          HF_TOKEN: 't',
          HF_HUB_OFFLINE: 'YES',
          HF_HOME: '/hf',
          HF_HUB_CACHE: '',
        },
        '/home/u',
      ),
    ).toEqual({ endpoint: 'https://mirror', token: 't', offline: true, cacheDir: '/hf/hub' });
    expect(hubSettingsFromEnv({ XDG_CACHE_HOME: '/x' }, '/home/u').cacheDir).toBe('/x/huggingface/hub');
    expect(hubSettingsFromEnv({ HUGGINGFACE_HUB_CACHE: '/c', HF_HUB_OFFLINE: '0' }, '/h')).toMatchObject({
      cacheDir: '/c',
      offline: false,
    });
  });
});
