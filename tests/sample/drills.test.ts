import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { parseNodeTap } from '../../benchmarks/parsers/node-tap.js';
import { type Drill, drillSources, drills, drillTree, testOf } from '../../datasets/sample/drills/drills.js';
import { issueOf, OPERATIONS } from '../../datasets/sample/drills/words.js';
import type { SampleRow } from '../../datasets/sample/rows.js';
import { imageStore } from '../../src/engine/local/image-store.js';
import { PATH, SAMPLE, sampleLines } from './sources.js';

const all = drills();
const rows = sampleLines('drills/instances.jsonl') as readonly SampleRow[];
const part = (split: Drill['split']) => all.filter((drill) => drill.split === split);
const work = mkdtempSync(join(tmpdir(), 'assay-drills-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

test('rows and tree in git are those that the generator makes', async () => {
  const made = drillSources(all).map(({ id, gold, test: patch, problem, meta }) => [
    id,
    gold,
    patch,
    problem,
    meta.split,
  ]);
  expect(
    rows.map((row) => [row.instance_id, row.patch, row.test_patch, row.problem_statement, row.split]),
  ).toEqual(made);
  const store = imageStore({ cacheDir: join(work, 'cache'), path: PATH });
  const { signal } = new AbortController();
  write(join(work, 'tree'), drillTree(all));
  for (const dir of [join(work, 'tree'), join(SAMPLE, 'repos', 'drills')]) {
    const { labels } = await store.importTree({ ref: dir, dir, workdir: '/testbed', signal });
    expect(new Set(rows.map((row) => row.base_commit))).toEqual(new Set([labels['assay.commit']]));
  }
});

test('of the eight operations that a rule could call, only the one that its issue means passes its tests', () => {
  const operations = Object.keys(OPERATIONS);
  for (const operation of operations)
    write(join(work, operation), {
      ...drillTree(all.map((drill) => ({ ...drill, wrong: operation }))),
      ...Object.fromEntries(all.map((drill) => [testOf(drill).path, testOf(drill).text])),
    });
  const script = `cd "$1"; for name in ${all.map(({ name }) => name).join(' ')}; do echo "## $name"; sh tests/$name.sh; done`;
  const passes = operations.flatMap((operation) => {
    const log = execFileSync('sh', ['-c', script, 'sh', join(work, operation)], { encoding: 'utf8' });
    return log
      .split(/^## /m)
      .slice(1)
      .flatMap((section) => {
        const statuses = [...parseNodeTap(section).values()];
        expect(statuses).toHaveLength(3);
        return statuses.every((status) => status === 'PASSED')
          ? [`${section.split('\n')[0]} ${operation}`]
          : [];
      });
  });
  expect(passes.sort()).toEqual(all.map(({ name, right }) => `${name} ${right}`).sort());
  expect(all.filter(({ right, wrong }) => right === wrong)).toEqual([]);
}, 60_000);

test('held-out drills have other names and other sentences than those to train on, made of pieces that occur there', () => {
  const trained = part('train');
  const heldOut = part('heldout');
  expect([trained.length, heldOut.length]).toEqual([64, 48]);
  const sentences = new Set(trained.map(({ phrase, word }) => issueOf(phrase, '', word)));
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(heldOut.filter(({ phrase, word }) => sentences.has(issueOf(phrase, '', word)))).toEqual([]);
  const piecesOf = ({ name, word, phrase, file, wrong, right }: Drill) => [
    ...name.split('_'),
    ...[word, phrase, file, wrong, right],
  ];
  const known = new Set(trained.flatMap(piecesOf));
  expect(heldOut.flatMap(piecesOf).filter((piece) => !known.has(piece))).toEqual([]);
});
