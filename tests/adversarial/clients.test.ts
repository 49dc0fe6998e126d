import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ScoreResponse } from '../../src/model/score.js';
import { notesPatch } from '../helpers/patches.js';
import { post, type Service, sampleRows, startService } from '../helpers/service.js';
import { oddRequests } from './client-lines.js';
import { scratchFolder } from './scratch.js';
import { exchange, mostFiles, openWire, peakMemory, requestText, statuses, type Wire } from './wire.js';

const scratch = scratchFolder('clients', () => {
  console.log(`the service had ${peakMemory(service.child.pid ?? 0).toFixed()} MiB at most`);
  for (const { socket } of slow) socket.destroy();
  return service.stop();
});
const [HONEST, HOSTILE, GREEDY] = ['honest-token', 'hostile-token', 'greedy-token'] as const;
/** MiB; the service has about 120 when it does nothing. */
const MEMORY = 700;
/** Milliseconds; generous, for a machine that does other work as well. */
const PATIENCE_MS = 5000;
const [row = { instance_id: '', patch: '' }] = sampleRows();
const gold = { instance_id: row.instance_id, patch: row.patch };
const json = (extra: object = {}) => JSON.stringify({ ...gold, ...extra });

let service: Service;
const slow: Wire[] = [];

const as = (token: string) => ({ authorization: `Bearer ${token}` });
const scoreAs = (token: string, body: unknown) =>
  post<ScoreResponse>(`${service.url}/v1/score`, body, as(token));
const raw = (line: string, parts: Parameters<typeof requestText>[1] = {}) =>
  exchange(service.url, requestText(line, parts));
const hostile = (body: string, headers: readonly string[] = []) =>
  raw('POST /v1/score', { token: HOSTILE, body, headers });

/** An honest client is answered soon, whatever else happens. */
async function expectService(patch: string): Promise<void> {
  const from = performance.now();
  const { status, body } = await scoreAs(HONEST, { ...gold, patch });
  expect([status, body.reward]).toEqual([200, 1]);
  expect(performance.now() - from).toBeLessThan(PATIENCE_MS);
}

/** Also where its tests have to be run. */
const expectVerdict = () => expectService(row.patch + notesPatch(`honest ${performance.now()}`));

/** How often a key was graded. */
const gradings = (key: string) =>
  service.lines.filter((line) => line.includes(key) && line.includes('"graded"')).length;

async function until(holds: () => boolean | Promise<boolean>, seconds = 30): Promise<void> {
  for (const end = performance.now() + seconds * 1000; !(await holds()); await sleep(50))
    if (performance.now() > end) throw new Error(`not within ${seconds} s`);
}

beforeAll(async () => {
  const tokens = join(scratch.path, 'tokens');
  await writeFile(tokens, `honest ${HONEST}\nhostile ${HOSTILE}\ngreedy ${GREEDY}\n`);
  service = await startService(
    [
      ...['sample', '--state', join(scratch.path, 'state'), '--token-file', tokens, '-j', '2'],
      ...['--max-body', '1m', '--client-concurrency', '200', '-t', '20'],
    ],
    { cache: join(scratch.path, 'cache') },
  );
  // They stay for all other tests.
  for (let index = 0; index < 60; index++) {
    const wire = openWire(service.url);
    const isBody = index % 2 === 0;
    wire.socket.write(
      isBody
        ? `POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${HOSTILE}\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n`
        : 'POST /v1/score HTTP/1.1\r\nHost: x\r\n',
    );
    const drip = setInterval(() => wire.socket.write(isBody ? ' ' : 'X-A: b\r\n'), 1000);
    void wire.closed.then(() => clearInterval(drip));
    slow.push(wire);
  }
});

afterEach(async () => {
  await expectService(row.patch);
  expect(service.child.exitCode).toBeNull();
  expect(peakMemory(service.child.pid ?? 0)).toBeLessThan(MEMORY);
  const steering = /[\0-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
  expect(service.lines.filter((line) => steering.test(line))).toEqual([]);
  expect(service.lines.filter((line) => line.includes('request failed'))).toEqual([]);
});

describe('bodies that are not what they say', () => {
  const head = `POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${HOSTILE}\r\nContent-Type: application/json\r\n`;
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, ' '));
  test.each([
    ['a length beyond the limit', `${head}Content-Length: 99999999999\r\n\r\n`, 413],
    ['a length that no number holds', `${head}Content-Length: ${'9'.repeat(40)}\r\n\r\n`, 400],
    ['a negative length', `${head}Content-Length: -1\r\n\r\n`, 400],
    ['two lengths', `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    ['a chunk of garbage', `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`, 400],
    ['a chunk without measure', `${head}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(17)}\r\n`, 400],
    ['an unknown encoding', `${head}Transfer-Encoding: gzip\r\n\r\n{}`, 400],
    ['no body', `${head}\r\n`, 400],
    ['a byte order mark alone', `${head}Content-Length: 3\r\n\r\n\xef\xbb\xbf`, 400],
    [
      'a gzip bomb',
      Buffer.concat([
        Buffer.from(`${head}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`),
        bomb,
      ]),
      400,
    ],
    [
      'UTF-16',
      Buffer.concat([Buffer.from(`${head}Content-Length: 4\r\n\r\n`), Buffer.from('{}', 'utf16le')]),
      400,
    ],
  ])('%s are refused', async (_, bytes, status) => {
    const [first] = statuses(await exchange(service.url, bytes));
    expect(first).toBe(status);
  });

  test('a body that is shorter than its length is no request, and what follows one is none of its', async () => {
    const cut = openWire(service.url);
    cut.socket.end(`${head}Content-Length: 5000\r\n\r\n{"instance_id": "`);
    await cut.closed;
    expect(statuses(cut.text()).filter((status) => status < 400)).toEqual([]);
    const text = await exchange(service.url, `${head}Content-Length: 2\r\n\r\n{}${json()}`);
    expect(statuses(text).filter((status) => status < 400)).toEqual([]);
  });

  test('a body without an end is cut at the limit', async () => {
    const wire = openWire(service.url);
    wire.socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65536, ' '), Buffer.from('\r\n')]);
    for (let sent = 0; sent < 200 && !wire.socket.destroyed; sent++) {
      wire.socket.write(chunk);
      await sleep(2);
    }
    await until(() => wire.text() !== '');
    expect(statuses(wire.text())).toEqual([413]);
    wire.socket.destroy();
  });
});

describe('tokens', () => {
  test.each([
    ['none', []],
    ['an unknown one', ['Authorization: Bearer nobody']],
    ['an empty one', ['Authorization: Bearer ']],
    ['another scheme', [`Authorization: Basic ${HONEST}`]],
    ['no scheme', [`Authorization: ${HONEST}`]],
    ['one with more behind it', [`Authorization: Bearer ${HONEST} x`]],
    ['two in one', [`Authorization: Bearer ${HONEST}, Bearer ${HONEST}`]],
    ['the right one after a wrong one', ['Authorization: Bearer nobody', `Authorization: Bearer ${HONEST}`]],
    ['another case', [`Authorization: Bearer ${HONEST.toUpperCase()}`]],
    ['a prefix', [`Authorization: Bearer ${HONEST.slice(0, -1)}`]],
    ['a name', ['Authorization: Bearer honest']],
    ['one of 12 kB', [`Authorization: Bearer ${'a'.repeat(12_000)}`]],
    ['bytes beyond ASCII', [`Authorization: Bearer ${HONEST}\xff`]],
    ['in another header', [`Proxy-Authorization: Bearer ${HONEST}`, `X-Authorization: Bearer ${HONEST}`]],
    ['the name of a field of all objects', ['Authorization: Bearer __proto__']],
  ])('%s: refused, before the body is looked at', async (_, headers) => {
    const text = await raw('POST /v1/score', { headers, body: '{not JSON' });
    expect(statuses(text)).toEqual([401]);
    expect(text).toMatch(/www-authenticate: Bearer/i);
    expect(text).not.toContain(HONEST);
  });

  test.each([
    ...['/metrics', '//metrics', '/healthz/../metrics', '/healthz/%2e%2e/metrics', '/healthz%2f..%2fmetrics'],
    ...['/%6detrics', '/metrics?/healthz', '/metrics#/healthz', '/healthz;/../metrics', '/./metrics'],
    ...['http://x/metrics', 'http://x/healthz/../metrics', '/METRICS', '/metrics/', '/healthz\\..\\metrics'],
  ])('without one %s does not get past the look at it', async (path) => {
    const text = await raw(`GET ${path}`);
    expect(statuses(text).filter((status) => status < 400)).toEqual([]);
    expect(text).not.toContain('assay_queue_depth');
  });
});

describe('lines and headers that are no plain HTTP', () => {
  test.each(oddRequests(HOSTILE).map((one) => [...one] as const))(
    '%s gets one answer at most, and none that it should not',
    async (_, bytes, allowed) => {
      const found = statuses(await exchange(service.url, Buffer.from(bytes, 'latin1')));
      expect(found.length).toBeLessThanOrEqual(1);
      expect(allowed).toEqual(expect.arrayContaining([...found]));
      if (allowed.length > 0) expect(found).toHaveLength(1);
    },
  );

  test('2000 requests at once on one connection are answered in their order, and a client that asks first is told to go on', async () => {
    const paths = Array.from({ length: 2000 }, (_, index) => `/nothing-${index}`);
    const all = paths.map((path) => requestText(`GET ${path}`, { token: HOSTILE })).join('');
    const text = await exchange(service.url, all, 3000);
    expect([...text.matchAll(/there is no GET (\/nothing-\d+)/g)].map(([, path]) => path)).toEqual(paths);
    const asked = await hostile(json({ reward: 'none' }), ['Expect: 100-continue']);
    expect(statuses(asked)).toEqual([100, 400]);
  });
});

describe('JSON with traps', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const fields = `"instance_id": ${JSON.stringify(row.instance_id)}`;
  test.each([
    ['__proto__', `{${fields}, "patch": "", "__proto__": {"strict": false}}`],
    ['constructor', `{${fields}, "patch": "", "constructor": {"prototype": {"x": 1}}}`],
    ['a reward of all objects', json({ reward: '__proto__' })],
    ['a profile of all objects', json({ profile: 'constructor' })],
    ['an instance of all objects', json({ instance_id: '__proto__' })],
    ['deep lists', `{${fields}, "patch": ${nested(200_000)}}`],
    ['deep rows', `{"patch": "", "instance": {"a": ${nested(200_000)}}}`],
    ['a number that is none', `{${fields}, "patch": "", "turns": 1e999}`],
    ['a NUL in an id', json({ instance_id: 'a\0b' })],
    ['an id that steers a terminal', json({ instance_id: '\x1b]0;x\x07\x9b2J\u202e' })],
    ['an id that climbs', json({ instance_id: '../../../etc/passwd' })],
    ['half a character in an id', `{"instance_id": "\\ud800", "patch": ""}`],
    ['a list', `[${json()}]`],
    ['null', 'null'],
    ['no patch', `{${fields}}`],
    ['a patch that is an object', json({ patch: { toString: 1 } })],
    ['a field that there is not', json({ model: 'x' })],
    ['60,000 fields', `{${Array.from({ length: 60_000 }, (_, index) => `"f${index}":1`).join()}}`],
    ['more turns than a URL takes', json({ turns: 1e10 })],
    ['a deadline without end', json({ deadline: 1e300 })],
    ['no deadline at all', json({ deadline: 0 })],
  ])('%s: a mistake of the client', async (_, body) => {
    const text = await hostile(body);
    expect([[400], [404]]).toContainEqual(statuses(text));
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({
      error: { code: expect.any(String), fix: expect.any(String) },
    });
  });

  test.each([
    ['a NUL', notesPatch('a\0b')],
    ['half a character', notesPatch('\ud800')],
    ['signs that steer a terminal', notesPatch('\x1b[2J\x1b]0;x\x07\x9b2J\u202e')],
    ['a path out of the tree', notesPatch('x').replaceAll('NOTES.md', '../../../../tmp/hostile')],
    ['an absolute path', notesPatch('x').replaceAll('b/NOTES.md', '/etc/hostile')],
    ['a path of .git', notesPatch('x').replaceAll('NOTES.md', '.git/hooks/post-checkout')],
    ['names that steer a terminal', notesPatch('x').replaceAll('NOTES.md', '\x1b[2J\u202e')],
    ['nothing', ''],
    ['no diff', 'rm -rf /'],
    ['900 kB of one line', notesPatch('x'.repeat(900_000))],
  ])('a patch of %s is a wrong one', async (_, patch) => {
    const { status, body } = await scoreAs(HOSTILE, { ...gold, patch });
    expect([status, body.status, body.reward]).toEqual([200, 'scored', 0]);
  });

  test('what a job was asked for can be fetched from its URL', async () => {
    const turns = { reward: 'turn_penalty', turns: 20, max_turns: 999_999_999, turn_threshold: 10 };
    const { status, body } = await post<{ url?: string }>(
      `${service.url}/v1/jobs`,
      { ...gold, ...turns },
      as(HOSTILE),
    );
    expect(status).toBe(202);
    const { status: fetched } = await fetch(`${service.url}${body.url}`, { headers: as(HOSTILE) });
    expect([200, 202]).toContain(fetched);
  });
});

describe('clients that go away, or stay for too long', () => {
  const wrong = (name: string, index: number) => ({ ...gold, patch: notesPatch(`${name} ${index}`) });

  test('one that goes in mid-request loses nothing: the verdict is there when it asks again', async () => {
    const body = JSON.stringify(wrong('gone', 0));
    const wire = openWire(service.url);
    wire.socket.write(requestText('POST /v1/score', { token: HOSTILE, body }));
    await sleep(100);
    wire.socket.destroy();
    const { body: again } = await scoreAs(HOSTILE, wrong('gone', 0));
    expect(again.reward).toBe(0);
    expect(gradings(again.key)).toBe(1);
  });

  test('one that goes in the middle of a stream loses nothing either', async () => {
    const requests = Array.from({ length: 8 }, (_, index) => wrong('stream', index));
    const gone = new AbortController();
    const response = await fetch(`${service.url}/v1/score/batch`, {
      ...{ method: 'POST', body: JSON.stringify({ requests }), signal: gone.signal },
      headers: { 'content-type': 'application/json', ...as(HOSTILE) },
    });
    await response.body?.getReader().read();
    gone.abort();
    const answers = await Promise.all(requests.map((one) => scoreAs(HOSTILE, one)));
    expect(answers.map(({ body }) => [body.reward, gradings(body.key)])).toEqual(requests.map(() => [0, 1]));
  });

  test('some that never read what they asked for cost little, and get it when they do', async () => {
    const { body } = await scoreAs(HOSTILE, gold);
    const requests = Array(200).fill(gold);
    const text = requestText('POST /v1/score/batch', { token: HOSTILE, body: JSON.stringify({ requests }) });
    const wires = Array.from({ length: 150 }, () => openWire(service.url));
    for (const { socket } of wires) {
      socket.pause();
      socket.write(text);
      await once(socket, 'drain').catch(() => undefined);
    }
    await expectVerdict();
    await sleep(1000);
    const [last] = wires.slice(-1);
    last?.socket.resume();
    await until(() => last?.text().includes('\r\n0\r\n\r\n') === true);
    expect(last?.text().split(body.key).length).toBeGreaterThan(1);
    for (const { socket } of wires) socket.destroy();
  });

  test('10,000 that say nothing keep nobody else out', async () => {
    const count = 10_000;
    const most = Math.min(mostFiles('self'), mostFiles(service.child.pid ?? 0));
    if (most < count + 500)
      return void process.stderr.write(
        `Skipped 10,000 connections: a process may have ${most} open files.\n`,
      );
    const wires: Wire[] = [];
    try {
      while (wires.length < count) {
        const some = Array.from({ length: 250 }, () => openWire(service.url));
        wires.push(...some);
        await Promise.all(some.map(({ socket }) => once(socket, 'connect')));
      }
      await expectVerdict();
      expect(wires.filter(({ socket }) => socket.destroyed)).toEqual([]);
    } finally {
      for (const { socket } of wires) socket.destroy();
    }
  });

  test('a greedy one waits for its own work only', async () => {
    const jobs = Array.from({ length: 300 }, (_, index) => wrong('greedy', index));
    const answers = await Promise.all(
      jobs.map((one) =>
        post<{ key?: string; error?: { code: string } }>(`${service.url}/v1/jobs`, one, as(GREEDY)),
      ),
    );
    const refused = answers.filter(({ status }) => status === 429);
    const taken = answers.filter(({ status }) => status === 202);
    expect(taken.length + refused.length).toBe(300);
    // One whose grading has ended meanwhile makes room for another.
    const ended = taken.filter(({ body }) => gradings(body.key ?? '') > 0);
    expect(taken.length).toBeGreaterThanOrEqual(200);
    expect(taken.length - ended.length).toBeLessThanOrEqual(200);
    expect(refused[0]?.body.error?.code).toBe('client_busy');
    expect(refused[0]?.headers.get('retry-after')).toMatch(/^\d+$/);
    await expectVerdict();
    // The same job again is no more work, but for a client that may have no more it is none at all.
    const again = await post<{ url: string }>(`${service.url}/v1/jobs`, jobs[0], as(HONEST));
    expect(again.status).toBe(202);
  });
});

test('slow ones are sent away after half a minute, and before that nobody waits for them', async () => {
  await Promise.race([
    Promise.all(slow.map(({ closed }) => closed)),
    sleep(60_000, undefined, { ref: false }),
  ]);
  const ends = slow.map((wire) => statuses(wire.text()));
  expect(ends).toEqual(slow.map(() => [408]));
});
