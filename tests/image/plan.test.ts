import { describe, expect, test } from '@jest/globals';
import { checkImage } from '../../src/image/check.js';
import { addedLines } from '../../src/image/check-deep.js';
import { environmentTag } from '../../src/image/environment.js';
import { LABEL } from '../../src/image/labels.js';
import { familiarName, planImages } from '../../src/image/plan.js';
import { environmentKey } from '../../src/image/recipe.js';
import { storedImages } from '../../src/image/usage.js';
import type { EvalSpec } from '../../src/model/eval-spec.js';
import { testSpec } from '../helpers/jobs.js';
import { fakeStore } from './fake-store.js';

const signal = new AbortController().signal;

function specOf(id: string, repo: string, python: string): EvalSpec {
  const environment = { python, systemPackages: ['git'], pythonPackages: ['pytest==8.0', 'six==1.16'] };
  return testSpec(id, {
    repo,
    images: [`assay.eval.${id}:latest`, `docker.io/example/${id}:latest`],
    recipe: {
      name: id,
      source: { kind: 'git', repo, commit: `commit of ${id}` },
      workdir: '/testbed',
      environment,
      preInstall: [],
      install: [],
      checks: [],
    },
  });
}

const one = specOf('a__a-1', 'a/a', '3.9');
const two = specOf('a__a-2', 'a/a', '3.9');
const other = specOf('b__b-1', 'b/b', '3.6');
const { recipe: _, ...bare } = specOf('c__c-1', 'c/c', '3.6');
const none = { ...bare, noRecipe: 'no image is named' };
const environment = one.recipe?.environment;
if (environment === undefined) throw new Error('no environment');
const key = environmentKey(environment);

const labels = (kind: string) => ({ [LABEL.kind]: kind, [LABEL.environment]: key, [LABEL.python]: '3.9.1' });
const ENV = { base: 100, python: 5, packages: 50 };
const images = {
  [environmentTag(environment)]: { labels: labels('environment'), layers: ENV },
  'assay.eval.a__a-1:latest': {
    labels: { ...labels('instance'), [LABEL.commit]: 'commit of a__a-1' },
    layers: { ...ENV, history: 20, one: 1 },
  },
  'assay.eval.a__a-2:latest': {
    labels: { ...labels('instance'), [LABEL.commit]: 'another commit' },
    layers: { ...ENV, history: 20, two: 2 },
  },
};

describe('planImages', () => {
  test('groups instances by environment, the one with the most first, and needs no engine', () => {
    const plan = planImages([other, one, none, two], undefined);
    expect(plan.environments).toEqual([
      {
        key,
        image: environmentTag(environment),
        repos: ['a/a'],
        python: '3.9',
        packages: 3,
        instances: ['a__a-1', 'a__a-2'],
        built: 0,
      },
      expect.objectContaining({ repos: ['b/b'], instances: ['b__b-1'] }),
    ]);
    expect(plan).toMatchObject({ instances: 4, repositories: ['a/a', 'b/b', 'c/c'] });
    expect(plan.withoutRecipe).toEqual([{ instanceId: 'c__c-1', reason: 'no image is named' }]);
    expect(plan).not.toHaveProperty('missingPublished');
    expect(plan).not.toHaveProperty('disk');
  });

  test('tells states, sizes of layers, what is shared, and which published images are missing', async () => {
    const stored = await storedImages({
      engine: fakeStore({ images }),
      uses: new Map(),
      published: [],
      signal,
    });
    const names = new Set([...Object.keys(images), 'example/b__b-1:latest']);
    const facts = { names, stored, hasBase: (python: string | undefined) => python !== '3.6' };
    const plan = planImages([one, two, other], facts);
    expect(plan.environments).toMatchObject([
      { built: 2, state: 'built', environmentBytes: 55, instanceBytes: 23 },
      { built: 0, state: 'base missing' },
    ]);
    expect(plan.disk).toEqual({ images: 2, uniqueBytes: 178, separateBytes: 353 });
    expect(plan.missingPublished).toEqual([
      'docker.io/example/a__a-1:latest',
      'docker.io/example/a__a-2:latest',
    ]);
    expect(planImages([other], { ...facts, hasBase: () => true }).environments).toMatchObject([
      { state: 'to build' },
    ]);
  });

  test.each([
    ['docker.io/owner/name:tag', 'owner/name:tag'],
    ['docker.io/library/python:3.9', 'python:3.9'],
    ['localhost:5000/owner/name', 'localhost:5000/owner/name:latest'],
  ])('%s is listed as %s', (ref, listed) => {
    expect(familiarName(ref)).toBe(listed);
  });
});

describe('checkImage', () => {
  const engine = fakeStore({ images });
  const look = (spec: EvalSpec, hasCommit = true) =>
    checkImage(spec, { engine, hasCommit: async () => hasCommit, signal });

  test('one of ours is built when its labels are those of the recipe, else stale', async () => {
    expect(await look(one)).toEqual({ instanceId: 'a__a-1', image: one.images[0], state: 'built' });
    expect(await look(two)).toMatchObject({ state: 'stale', why: expect.stringContaining('another commit') });
    const newer = { ...one, recipe: { ...other.recipe, name: 'a__a-1' } } as EvalSpec;
    expect(await look(newer)).toMatchObject({ state: 'stale', why: expect.stringContaining('environment') });
  });

  test('one that is missing can be built when environment and commit are there', async () => {
    const next = specOf('a__a-3', 'a/a', '3.9');
    expect(await look(next)).toEqual({ instanceId: 'a__a-3', state: 'buildable' });
    expect(await look(next, false)).toMatchObject({
      state: 'missing',
      why: expect.stringContaining('mirror'),
    });
    expect(await look(other)).toMatchObject({ state: 'missing', why: expect.stringContaining('assay.env.') });
    expect(await look(none)).toMatchObject({ state: 'missing', why: 'no image is named' });
  });

  test('a published one counts as there', async () => {
    const published = fakeStore({ images: { [other.images[1] as string]: {} } });
    const found = await checkImage(other, { engine: published, hasCommit: async () => false, signal });
    expect(found).toEqual({ instanceId: 'b__b-1', image: other.images[1], state: 'published' });
  });
});

test('the added lines of patches are told apart from headers and what is short', () => {
  const long = 'return the_answer_to_everything(42)';
  const patch = `--- a/x.py\n+++ b/a_very_long_path_of_a_file_that_is_no_line.py\n@@ -1 +1,3 @@\n-${long} # removed\n+    ${long}\r\n+short\n+${long}\n`;
  expect(addedLines([patch, ''])).toEqual([long]);
});
