import { describe, expect, test } from '@jest/globals';
import { environmentKey } from '../../src/image/recipe.js';
import { ImageRecipe } from '../../src/model/eval-spec.js';
import { schemaFault } from '../../src/util/schema.js';

const environment = { python: '3.9', systemPackages: ['gcc'], pythonPackages: ['a==1', 'b[c]>=1,<2'] };
const recipe: ImageRecipe = {
  name: 'owner__repo.py-1',
  source: { kind: 'git', repo: 'owner/repo.py', commit: 'abc' },
  workdir: '/testbed',
  environment,
  preInstall: [],
  install: ['make'],
  checks: [],
};

describe('a recipe', () => {
  test('is refused with a name for no tag, a relative folder, an empty command or half a requirement', () => {
    expect(schemaFault(recipe, ImageRecipe)).toBeUndefined();
    const wrong = [
      { name: 'Owner__repo-1' },
      { name: 'owner___repo-1' },
      { workdir: 'testbed' },
      { install: [' '] },
      { source: { kind: 'git', repo: 'repo', commit: 'abc' } },
      { environment: { ...environment, python: '3' } },
      { environment: { ...environment, systemPackages: ['-y'] } },
      ...['a==', 'a ==1', 'a<2,', '-e .', 'git+https://host/a', './a', 'a==1;x'].map((pin) => ({
        environment: { ...environment, pythonPackages: [pin] },
      })),
    ];
    for (const part of wrong)
      expect([part, schemaFault({ ...recipe, ...part }, ImageRecipe)]).toEqual([part, expect.any(String)]);
  });
});

describe('the key of an environment', () => {
  test('is the same for equal environments and differs with each part', () => {
    const { python, ...rest } = environment;
    expect(environmentKey({ ...rest, python })).toBe(environmentKey(environment));
    const others = [
      rest,
      { ...environment, python: '3.10' },
      { ...environment, systemPackages: [] },
      { ...environment, pythonPackages: ['a==1'] },
      { ...environment, reference: 'owner__repo-1' },
    ];
    const keys = [environment, ...others].map(environmentKey);
    expect(new Set(keys).size).toBe(6);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/);
  });
});
