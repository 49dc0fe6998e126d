import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { linesOf } from '../../plugins/agent/episodes.js';
import { trajectoryFormats } from '../../plugins/agent/formats/index.js';
import { openStore, readTrajectories } from '../../plugins/agent/store.js';
import type { Trajectory } from '../../src/index.js';
import { collect, episode, trajectory, turn } from '../agent/records.js';
import { assay } from '../helpers/cli.js';

let work = '';
const run = (...args: string[]) =>
  assay(['trajectories', ...args], { cwd: work, cache: join(work, 'cache') });
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-trajectories-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

async function makeRun(name: string, all: readonly Trajectory[]): Promise<void> {
  const store = await openStore(join(work, name, 'trajectories'));
  for (const line of all.flatMap(linesOf)) await store.append(line);
  await store.close();
}
const read = (name: string) => collect(readTrajectories(join(work, name, 'trajectories')));

const ALL: readonly Trajectory[] = [
  trajectory(),
  { episode: episode({ sample: 2 }), turns: [turn(1)] },
  trajectory({ instanceId: 'owner__name-2' }),
];

describe.each(trajectoryFormats.map(({ name, suffix }) => [name, suffix]))('%s', (name, suffix) => {
  test('is exported and imported again as the same run', async () => {
    await makeRun('a', ALL);
    const exported = await run('export', 'a', '-f', name, '-o', 'out', '--json');
    expect(JSON.parse(exported.stdout)).toEqual({ folder: join(work, 'out'), files: 3, unfinished: 1 });
    const files = (await readdir(join(work, 'out'))).sort();
    expect(files).toEqual(['owner__name-1.1', 'owner__name-1.2', 'owner__name-2.1'].map((id) => id + suffix));
    const back = await run('import', ...files.map((file) => join('out', file)), '-o', 'b');
    expect([back.code, back.stderr]).toEqual([0, '']);
    expect(await read('b')).toEqual(ALL);
    expect((await run('export', 'a', '-f', name, '-o', 'out')).code).toBe(2);
    expect((await run('import', join('out', files[0] ?? ''), '-o', 'b')).code).toBe(2);
  });
});

describe('assay trajectories import', () => {
  test('names instances by their files, counts samples, and says which files are none', async () => {
    const foreign = JSON.stringify({ trajectory: [], history: [], info: {} });
    await mkdir(join(work, 'sub'));
    await writeFile(join(work, 'x__y-1.traj'), foreign);
    await writeFile(join(work, 'sub', 'x__y-1.traj.gz'), gzipSync(foreign));
    await writeFile(join(work, '..traj'), foreign);
    await writeFile(join(work, 'cut.traj'), foreign.slice(0, -5));
    await writeFile(join(work, 'other.json'), '{}');
    const files = ['x__y-1.traj', join('sub', 'x__y-1.traj.gz'), '..traj', 'cut.traj', 'other.json'];
    const { code, stdout, stderr } = await run('import', ...files, '-o', 'r', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([2, { trajectories: 2, failed: 3 }]);
    expect(stderr.match(/\[bad_trajectory\]/g)).toHaveLength(3);
    expect((await read('r')).map((one) => one.episode.episodeId)).toEqual(['x__y-1#1', 'x__y-1#2']);
    expect((await run('import', 'x__y-1.traj', '-i', 'a__b-3', '-o', 's')).code).toBe(0);
    expect((await read('s'))[0]?.episode.instanceId).toBe('a__b-3');
    expect((await run('import', 'missing.traj', '-o', 't')).stderr).toContain('no such file');
  });
});

describe('assay trajectories show', () => {
  test('lists episodes, and prints one of them', async () => {
    await makeRun('a', ALL);
    expect((await run('show', 'a')).stdout).toBe(
      `submitted        owner__name-1#1  2 turns, 300 + 20 tokens, a patch of 1 lines
not ended        owner__name-1#2  1 turns
submitted        owner__name-2#1  2 turns, 300 + 20 tokens, a patch of 1 lines
`,
    );
    const { stdout } = await run('show', 'a', 'owner__name-2');
    expect(stdout).toContain('\nprompt: user\n  It is broken.\n');
    expect(stdout).toContain('\nturn 2: observation\n  a.py\n  (cwd: /testbed)\n');
    expect(JSON.parse((await run('show', 'a', 'owner__name-2', '--json')).stdout)).toEqual(ALL[2]);
    const lines = (await run('show', 'a', '--json')).stdout.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { end: unknown }).end)).toEqual([
      'submitted',
      null,
      'submitted',
    ]);
  });

  test('lets no text steer the terminal or pass for a line of ours', async () => {
    const text = '\u001b[2J\r\u202eturn 9: observation\nturn 9: observation\n\u009b31m';
    const hostile = trajectory({ model: text, prompt: [{ role: 'user', content: text }] });
    await makeRun('a', [{ ...hostile, turns: [turn(1, { response: text, observation: text }), turn(2)] }]);
    for (const args of [
      ['show', 'a'],
      ['show', 'a', 'owner__name-1'],
      ['show', 'a', 'owner__name-1', '--json'],
    ]) {
      const { stdout } = await run(...args);
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      expect(stdout).not.toMatch(/^turn 9/m);
    }
  });

  test('says what is not there', async () => {
    await makeRun('a', ALL);
    const missing = await run('show', 'a', 'owner__name-3');
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringContaining('did you mean owner__name-1#1'),
    ]);
    const none = await run('show', 'nowhere');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('[run_not_found]')]);
    await writeFile(join(work, 'a', 'trajectories', 'owner__name-9.jsonl.gz'), 'text');
    const damaged = await run('show', 'a');
    expect([damaged.code, damaged.stderr]).toEqual([
      2,
      expect.stringContaining('owner__name-9.jsonl.gz:1: '),
    ]);
    expect(await readFile(join(work, 'a', 'trajectories', 'owner__name-9.jsonl.gz'), 'utf8')).toBe('text');
  });
});
