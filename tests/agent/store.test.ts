import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { linesOf } from '../../plugins/agent/episodes.js';
import { openStore, readTrajectories } from '../../plugins/agent/store.js';
import type { Trajectory, TrajectoryLine } from '../../src/index.js';
import { packageRoot } from '../../src/util/package.js';
import { collect, episode, result, trajectory, turn } from './records.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const FILE = 'owner__name-1.jsonl.gz';

async function write(...trajectories: readonly Trajectory[]): Promise<void> {
  const store = await openStore(folder);
  for (const line of trajectories.flatMap(linesOf)) await store.append(line);
  await store.close();
}

const read = () => collect(readTrajectories(folder));

describe('a store of trajectories', () => {
  test('gives back what was appended, also of episodes without a result', async () => {
    const done = trajectory();
    const open: Trajectory = { episode: episode({ sample: 2 }), turns: [turn(1), turn(2)] };
    const other = trajectory({ instanceId: 'owner__name-2' }, 0);
    await write(done, open, other);
    expect(await read()).toEqual([done, open, other]);
  });

  test('knows finished episodes without their turns, and the turns of the others', async () => {
    const done = trajectory();
    const open: Trajectory = { episode: episode({ sample: 2 }), turns: [turn(1)] };
    await write(done, open);
    const store = await openStore(folder);
    expect([...store.known()]).toEqual([
      ['owner__name-1#1', { episode: done.episode, result: done.result }],
      ['owner__name-1#2', open],
    ]);
    await store.append({ type: 'turn', episodeId: 'owner__name-1#2', ...turn(2) });
    expect(store.known().get('owner__name-1#2')?.turns).toHaveLength(2);
    await store.append({ type: 'result', episodeId: 'owner__name-1#2', ...result(2) });
    expect(store.known().get('owner__name-1#2')?.turns).toBeUndefined();
    await store.close();
  });

  test('keeps texts of every kind to the letter', async () => {
    const text = fc.string({ unit: 'binary' });
    await fc.assert(
      fc.asyncProperty(text, text, async (response, observation) => {
        await rm(folder, { recursive: true });
        const hostile = { ...trajectory(), turns: [turn(1, { response, observation, command: null })] };
        await write(hostile);
        expect(await read()).toEqual([hostile]);
      }),
      {
        numRuns: 40,
        examples: [['\ud800 \u2028\0\x1b[2J\r\n', '{"type":"result","episodeId":"owner__name-1#1"}\n']],
      },
    );
  });

  test('is JSON lines for every other reader of gzip', async () => {
    await write(trajectory());
    const lines = gunzipSync(await readFile(join(folder, FILE)))
      .toString()
      .split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => (JSON.parse(line) as TrajectoryLine).type)).toEqual([
      'episode',
      'turn',
      'turn',
      'result',
    ]);
  });

  test('takes a file that was packed anew', async () => {
    await write(trajectory());
    const text = gunzipSync(await readFile(join(folder, FILE)));
    const named = gzipSync(text);
    named[3] = 8;
    await writeFile(
      join(folder, FILE),
      Buffer.concat([named.subarray(0, 10), Buffer.from('name.jsonl\0'), named.subarray(10)]),
    );
    expect(await read()).toEqual([trajectory()]);
  });

  test('writes the lines of many episodes at once, each episode in its order', async () => {
    const store = await openStore(folder);
    const all = Array.from({ length: 60 }, (_, i) =>
      trajectory({ instanceId: `owner__name-${i % 3}`, sample: 1 + Math.floor(i / 3) }, 12),
    );
    await Promise.all(
      all.map(async (one) => {
        for (const line of linesOf(one)) await store.append(line);
      }),
    );
    await store.close();
    const key = ({ episode: { episodeId } }: Trajectory) => episodeId;
    const sorted = (list: Trajectory[]) => list.sort((a, b) => (key(a) < key(b) ? -1 : 1));
    expect(sorted(await read())).toEqual(sorted(all));
  });

  test('keeps the order of appends that nobody waits for, and finishes them on close', async () => {
    const store = await openStore(folder);
    const one = trajectory({}, 100);
    for (const line of linesOf(one)) void store.append(line);
    await store.close();
    expect(await read()).toEqual([one]);
  });

  test('begins an episode anew with a second first line', async () => {
    const fresh: Trajectory = { ...trajectory(), turns: [turn(1, { observation: 'other' })] };
    await write(trajectory(), fresh);
    expect(await read()).toEqual([fresh]);
  });
});

describe('a line that does not belong', () => {
  const id = 'owner__name-1#1';
  test.each<[string, object, string]>([
    ['a turn of an unknown episode', { type: 'turn', episodeId: 'x#1', ...turn(1) }, 'is not under way'],
    ['a turn out of order', { type: 'turn', episodeId: id, ...turn(3) }, 'expected turn 2'],
    ['a turn twice', { type: 'turn', episodeId: id, ...turn(1) }, 'expected turn 2'],
    [
      'a log-probability that JSON has no word for',
      {
        ...{ type: 'turn', episodeId: id, ...turn(2) },
        tokens: { contextIds: [], sampledIds: [1], logprobs: [Number.NEGATIVE_INFINITY] },
      },
      'tokens.logprobs.0',
    ],
    ['a type of its own', { type: 'note' }, 'neither an episode nor a turn nor a result'],
    ['an id of another sample', { type: 'episode', ...episode(), sample: 2 }, 'episodeId'],
  ])('is refused: %s', async (_, line, message) => {
    await write({ episode: episode(), turns: [turn(1)] });
    const store = await openStore(folder);
    await expect(store.append(line as TrajectoryLine)).rejects.toThrow(message);
    await store.append({ type: 'turn', episodeId: id, ...turn(2) });
    await store.close();
    expect((await read())[0]?.turns).toHaveLength(2);
  });

  test.each(['', '.', '..', '../x', '/etc/passwd', 'a/b', 'a\0b', 'a\nb', '-rf', 'a..b', 'x'.repeat(201)])(
    'is refused: an instance id that is no name for a file: %j',
    async (instanceId) => {
      const store = await openStore(join(folder, 'inner'));
      await expect(store.append({ type: 'episode', ...episode({ instanceId }) })).rejects.toThrow(
        'is no instance id',
      );
      await store.close();
      expect(await readdir(folder, { recursive: true })).toEqual(['inner']);
    },
  );

  test('is refused after the end of an episode and after close', async () => {
    const store = await openStore(folder);
    for (const line of linesOf(trajectory())) await store.append(line);
    await expect(store.append({ type: 'turn', episodeId: id, ...turn(3) })).rejects.toThrow('not under way');
    await store.close();
    await expect(store.append({ type: 'episode', ...episode({ sample: 2 }) })).rejects.toThrow('closed');
  });
});

describe('a file that is not whole', () => {
  test('gives the lines before the cut, wherever that is, and takes more after them', async () => {
    const whole = trajectory();
    await write(whole);
    const path = join(folder, FILE);
    const bytes = await readFile(path);
    const ends = memberEnds(linesOf(whole), bytes);
    for (let length = 0; length < bytes.length; length += 3) {
      await writeFile(path, bytes.subarray(0, length));
      const lines = ends.filter((end) => end <= length).length;
      expect(lineCount(await read())).toBe(lines);
      const store = await openStore(folder);
      expect((await stat(path)).size).toBe(lines === 0 ? 0 : ends[lines - 1]);
      if (length % 60 === 0) {
        for (const line of linesOf(whole).slice(lines)) await store.append(line);
        expect(await read()).toEqual([whole]);
      }
      await store.close();
    }
  });

  test.each<[string, (lines: readonly Buffer[]) => Buffer, number]>([
    ['no JSON', ([a, b]) => Buffer.concat([a as Buffer, gzipSync('{"type":\n'), b as Buffer]), 2],
    ['no record', ([a]) => Buffer.concat([a as Buffer, gzipSync('{"type":"turn"}\n')]), 2],
    ['a line without end', ([a, b]) => Buffer.concat([a as Buffer, gzipSync('{}'), b as Buffer]), 2],
    ['no UTF-8', () => gzipSync(Buffer.from([0xff, 10])), 1],
    ['no gzip at all', () => Buffer.from('{"type":"episode"}\n'), 1],
    ['zeros at its end', ([a, b]) => Buffer.concat([a as Buffer, b as Buffer, Buffer.alloc(64)]), 3],
    ['a hole', ([a, , c]) => Buffer.concat([a as Buffer, c as Buffer]), 2],
    [
      'a bit that was turned',
      ([a, b]) => {
        const all = Buffer.concat([a as Buffer, b as Buffer]);
        all[all.length - 6] = (all[all.length - 6] ?? 0) ^ 1;
        return all;
      },
      2,
    ],
    [
      'many lines in a member that is cut',
      (lines) => gzipSync(Buffer.concat(lines.map((line) => gunzipSync(line)))).subarray(0, -20),
      1,
    ],
  ])('is an error that names the line, and stays as it is: %s', async (_, damage, line) => {
    const path = join(folder, FILE);
    const bytes = damage(linesOf(trajectory()).map((one) => gzipSync(`${JSON.stringify(one)}\n`)));
    await writeFile(path, bytes);
    const error = { code: 'run_damaged', message: expect.stringContaining(`${FILE}:${line}: `) };
    await expect(read()).rejects.toMatchObject(error);
    await expect(openStore(folder)).rejects.toMatchObject(error);
    expect(await readFile(path)).toEqual(bytes);
  });

  test('is an error when it has the name of another instance', async () => {
    await write(trajectory());
    await writeFile(join(folder, 'other.jsonl.gz'), await readFile(join(folder, FILE)));
    await expect(read()).rejects.toMatchObject({ code: 'run_damaged' });
  });

  test('takes no more after a write that failed', async () => {
    const store = await openStore(folder);
    await store.append({ type: 'episode', ...episode() });
    await rm(join(folder, FILE));
    await mkdir(join(folder, FILE));
    const append = (index: number) =>
      store.append({ type: 'turn', episodeId: 'owner__name-1#1', ...turn(index) });
    await expect(append(1)).rejects.toMatchObject({ code: 'EISDIR' });
    await rm(join(folder, FILE), { recursive: true });
    await expect(append(2)).rejects.toMatchObject({ code: 'EISDIR' });
    await store.close();
    expect(await readdir(folder)).not.toContain(FILE);
  });
});

describe('a process that is killed while it appends', () => {
  test('has lost nothing that was said to be written, and nothing is doubled', async () => {
    for (let round = 0; round < 5; round++) {
      const said = await killedAfter(500 + 130 * round);
      const counts = new Map(
        (await read()).map(({ episode: { episodeId }, turns }) => [episodeId, turns.length]),
      );
      for (const [id, turns] of said) expect(counts.get(id)).toBeGreaterThanOrEqual(turns);
      const store = await openStore(folder);
      for (const [id, { turns }] of store.known()) expect(turns).toHaveLength(counts.get(id) ?? 0);
      expect(store.known().size).toBe(counts.size);
      await store.close();
      expect(said.size).toBeGreaterThan(0);
    }
  });
});

/** A process that appends to eight episodes as fast as it can, going on where the last one stopped, and says what was written. */
async function killedAfter(ms: number): Promise<ReadonlyMap<string, number>> {
  const module = join(packageRoot(), 'dist', 'plugins', 'agent', 'store.js');
  const script = `
    const { openStore } = await import(${JSON.stringify(module)});
    const { episode, turn } = JSON.parse(process.argv[1]);
    const store = await openStore(${JSON.stringify(folder)});
    console.log('ready');
    await Promise.all(Array.from({ length: 8 }, async (_, i) => {
      const sample = i + 1;
      const episodeId = episode.instanceId + '#' + sample;
      if (!store.known().has(episodeId))
        await store.append({ type: 'episode', ...episode, sample, episodeId });
      for (let index = store.known().get(episodeId).turns.length + 1; ; index++) {
        await store.append({ type: 'turn', episodeId, ...turn, index });
        console.log(episodeId + ' ' + index);
      }
    }));`;
  const observation = Array.from({ length: 4000 }, () => Math.random()).join('');
  const records = JSON.stringify({ episode: episode(), turn: turn(1, { observation }) });
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, records], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const said = new Map<string, number>();
  createInterface(child.stdout).on('line', (line) => {
    const [id = '', turns] = line.split(' ');
    if (turns === undefined) setTimeout(() => child.kill('SIGKILL'), ms);
    else said.set(id, Number(turns));
  });
  await closed;
  return said;
}

/** Where the member of each line ends in the file. */
function memberEnds(lines: readonly TrajectoryLine[], bytes: Buffer): number[] {
  let end = 0;
  const ends = lines.map((line) => (end += gzipSync(`${JSON.stringify(line)}\n`).length));
  expect(end).toBe(bytes.length);
  return ends;
}

function lineCount(trajectories: readonly Trajectory[]): number {
  return trajectories.reduce(
    (sum, { turns, result }) => sum + 1 + turns.length + (result === undefined ? 0 : 1),
    0,
  );
}
