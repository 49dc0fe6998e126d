import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { DAPO } from '../../plugins/dapo/config.js';
import { DAPO_DEFAULTS, DAPO_PRESETS } from '../../plugins/dapo/presets.js';
import { RFT } from '../../plugins/rft/config.js';
import { COMMON_DEFAULTS } from '../../plugins/trainer/defaults.js';
import { sourceTable } from '../../plugins/trainer/preset-table.js';
import { pathsOf } from '../../plugins/trainer/resolve.js';

const TABLES = {
  ...RFT.presets,
  ...DAPO_PRESETS,
  'Defaults of dapo': DAPO_DEFAULTS,
  'Defaults of both': COMMON_DEFAULTS,
};

it.each(Object.entries(TABLES))('docs/train-presets.md has the table of %s', async (name, layer) => {
  const text = await readFile('docs/train-presets.md', 'utf8');
  expect(text).toContain(`## ${name}\n\n${sourceTable(layer)}`);
});

describe.each([
  ['rft', RFT],
  ['dapo', DAPO],
] as const)('presets and defaults of %s', (_, kind) => {
  it('name settings that there are', () => {
    const known = new Set(pathsOf(kind.schema));
    for (const layer of [kind.defaults, ...Object.values(kind.presets)])
      for (const path of Object.keys(layer)) expect(known).toContain(path);
  });

  it('say where each value is from: the paper and the place in it, or a reason', () => {
    for (const layer of [kind.defaults, ...Object.values(kind.presets)])
      for (const { source } of Object.values(layer))
        expect(source).toMatch(/^(arXiv 2508\.03501, (table|section|appendix) |ours: .{3})/);
  });
});
