import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anchorsOf, chooseAnchors } from '../../src/image/anchors.js';
import { git, longRepository } from './git-repo.js';

type Parents = readonly (readonly number[])[];

/** What `git rev-list --parents` says of a commit, when commit `i` is called `c<i>`. */
function revList(parents: Parents, tip: number): string {
  const seen = new Set<number>();
  const open = [tip];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (!seen.has(next)) open.push(...(parents[next] ?? []));
    seen.add(next);
  }
  return [...seen]
    .sort((a, b) => b - a)
    .map((commit) => [commit, ...(parents[commit] ?? [])].map((i) => `c${i}`).join(' '))
    .join('\n');
}

function firstParents(parents: Parents, tip: number): readonly string[] {
  const chain: string[] = [];
  for (let at: number | undefined = tip; at !== undefined; at = parents[at]?.[0]) chain.unshift(`c${at}`);
  return chain;
}

const line = (length: number): Parents => Array.from({ length }, (_, i) => (i === 0 ? [] : [i - 1]));

describe('chooseAnchors', () => {
  test('takes every commit that completes a stride, the last one included', () => {
    expect(chooseAnchors(revList(line(30), 2), 4)).toEqual([]);
    expect(chooseAnchors(revList(line(30), 3), 4)).toEqual(['c3']);
    expect(chooseAnchors(revList(line(30), 4), 4)).toEqual(['c3']);
    expect(chooseAnchors(revList(line(30), 7), 4)).toEqual(['c3', 'c7']);
    expect(chooseAnchors(revList(line(30), 13), 4)).toEqual(['c3', 'c7', 'c11']);
  });

  test('counts what a merge brings in, and takes the merge itself, not a commit of the side', () => {
    // c0 - c1 - c6(merge of c1 and c5) ; the side is c2..c5 on top of c0
    const parents = [[], [0], [0], [2], [3], [4], [1, 5]];
    expect(chooseAnchors(revList(parents, 6), 3)).toEqual(['c6']);
    expect(chooseAnchors(revList(parents, 6), 2)).toEqual(['c1', 'c6']);
  });

  test('takes a commit with many parents once, however many strides it completes', () => {
    const octopus = [[], [0], [0], [0], [0], [0], [0], [1, 2, 3, 4, 5, 6]];
    expect(chooseAnchors(revList(octopus, 7), 2)).toEqual(['c1', 'c7']);
  });

  test('gives two commits of one branch the same anchors up to the older one', () => {
    const older = chooseAnchors(revList(line(50), 21), 5);
    const newer = chooseAnchors(revList(line(50), 44), 5);
    expect(newer.slice(0, older.length)).toEqual(older);
    expect(newer.length).toBeGreaterThan(older.length);
  });

  test('gives, in any history, ancestors on the first-parent chain in order, as many as strides allow', () => {
    const history = fc
      .array(fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), { maxLength: 60 })
      .map(
        (wishes): Parents => [
          [],
          ...wishes.map((wish, i) => [
            ...new Set(
              wish.map((parent, nth) => (nth === 0 ? Math.max(0, i - (parent % 3)) : parent % (i + 1))),
            ),
          ]),
        ],
      );
    fc.assert(
      fc.property(history, fc.nat(), fc.integer({ min: 1, max: 9 }), (parents, wish, stride) => {
        const tip = wish % parents.length;
        const anchors = chooseAnchors(revList(parents, tip), stride);
        const chain = firstParents(parents, tip);
        expect(anchors).toEqual(chain.filter((commit) => anchors.includes(commit)));
        expect(new Set(anchors).size).toBe(anchors.length);
        const size = revList(parents, tip).split('\n').length;
        expect(anchors.length).toBeLessThanOrEqual(Math.floor(size / stride));
        expect(anchors.length > 0).toBe(size >= stride);
        // What lies between two anchors, or after the last one, is less than a stride but for a merge.
        const count = (commit: string) => revList(parents, Number(commit.slice(1))).split('\n').length;
        expect(size - (anchors.length === 0 ? 0 : count(anchors.at(-1) as string))).toBeLessThan(stride);
        // An older commit of the branch has a part of these, from the first on.
        const older = chain[Math.floor(chain.length / 2)] as string;
        const its = chooseAnchors(revList(parents, Number(older.slice(1))), stride);
        expect(anchors.slice(0, its.length)).toEqual(its);
      }),
    );
  });
});

test('anchors of a real repository are every 1024th commit, and none of its future', async () => {
  const { dir, base } = longRepository();
  const signal = new AbortController().signal;
  const anchors = await anchorsOf({ repository: dir, commit: base, signal });
  const past = git(dir, 'rev-list', '--first-parent', '--reverse', base).split('\n');
  expect(anchors).toEqual([past[1023], past[2047]]);
  expect(await anchorsOf({ repository: dir, commit: past[2046] as string, signal })).toEqual([past[1023]]);
});
