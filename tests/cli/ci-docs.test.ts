import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { commands } from '../../src/cli/commands.js';
import { knownCommands } from '../../src/cli/config-commands.js';
import { packageRoot } from '../../src/util/package.js';

const read = (name: string) => readFile(join(packageRoot(), 'docs', 'ci', name), 'utf8');
const flags = knownCommands(commands).find(({ words }) => words.join() === 'eval')?.flags ?? {};

test.each(['github.yaml', 'gitlab.yaml', 'Jenkinsfile'])(
  '%s gives `assay eval` flags that it has',
  async (name) => {
    const text = await read(name);
    const [, line = ''] = /main\.js eval ([^'\n]*)/.exec(text) ?? [];
    const given = [...line.matchAll(/ --([a-z-]+)/g)].map(([, flag = '']) => flag);
    expect(given).toEqual(['run-id', 'max-failures', 'fail-under']);
    for (const flag of given) expect(Object.keys(flags)).toContain(flag);
  },
);

test.each(['github.yaml', 'gitlab.yaml'])('%s is YAML', async (name) => {
  expect(Object.keys(parse(await read(name)) as object).length).toBeGreaterThan(0);
});
