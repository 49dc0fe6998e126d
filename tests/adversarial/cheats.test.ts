import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { v4_1, v5 } from '../../benchmarks/swe-bench/profiles.js';
import type { Verdict } from '../../src/index.js';
import { packageRoot } from '../../src/util/package.js';
import { mapLimit } from '../../src/util/pool.js';
import { repeats } from '../helpers/repeats.js';
import { hasPython } from '../sample/sources.js';
import { type Attempts, attempts } from './attempts.js';
import { type Cheat, diffOf, type Honest } from './change.js';
import { NODE_CHEATS } from './cheats-node.js';
import { PATCH_CHEATS } from './cheats-patches.js';
import { PYTHON_CHEATS } from './cheats-python.js';
import { HONEST } from './honest.js';
import { scratchFolder } from './scratch.js';

/** At once; each is a sandbox with a core of its own. */
const WORKERS = 2;
/** Every so-manieth patch is judged by the older profile, too. */
const OLDER = repeats(1, 10);

const scratch = scratchFolder('cheats', () => runs?.close());
const isUsable = ({ instance }: Honest) => hasPython || !instance.startsWith('pennybook');
const cheats = [...PYTHON_CHEATS, ...NODE_CHEATS, ...PATCH_CHEATS].filter(isUsable);
const honest = HONEST.filter(isUsable);
const verdicts = new Map<string, Verdict>();
/** By the profile of older rows, whose scripts say no exit code. */
const olderVerdicts = new Map<string, Verdict>();
let runs: Attempts | undefined;

beforeAll(async () => {
  const opened = await attempts(scratch.path);
  runs = opened;
  const patches = [...honest, ...cheats].map((one: Honest | Cheat, index) => {
    const { instance, patch } = one;
    const repository = instance.replace(/-\d+$/, '');
    const text =
      typeof patch === 'string' ? patch : diffOf(patch, repository, join(scratch.path, `tree-${index}`));
    return { ...one, text };
  });
  await mapLimit(patches, WORKERS, async (one, index) => {
    const seconds = 'seconds' in one ? one.seconds : undefined;
    for (const [profile, known] of [
      [v5, verdicts] as const,
      ...(index % OLDER === 0 ? [[v4_1, olderVerdicts] as const] : []),
    ]) {
      const { verdict } = await opened.attempt(one.instance, one.text, { profile, seconds });
      known.set(one.name, verdict);
    }
  });
}, 600_000);

/** What a verdict says of a patch, as short as can be read in a failure. */
function found(name: string, known = verdicts) {
  const verdict = known.get(name);
  if (verdict === undefined) throw new Error(`${name} was not run`);
  const { outcome, reason, detail, strict } = verdict;
  return { outcome, reason, detail, strict, isFooled: outcome === 'resolved' };
}

/** The verdicts of all profiles that a patch was judged by. */
const profilesOf = (name: string) => (olderVerdicts.has(name) ? [verdicts, olderVerdicts] : [verdicts]);

test('names are told apart, and there are more than 60 cheats', () => {
  const names = [...PYTHON_CHEATS, ...NODE_CHEATS, ...PATCH_CHEATS, ...HONEST].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(PYTHON_CHEATS.length + NODE_CHEATS.length).toBeGreaterThan(60);
  expect(olderVerdicts.size).toBe(Math.ceil((cheats.length + honest.length) / OLDER));
});

describe('an honest fix is resolved, strictly too', () => {
  test.each(honest.map(({ name, further }) => [name, further] as const))('%s', (name, further = true) => {
    for (const known of profilesOf(name)) {
      expect(found(name, known)).toMatchObject({ outcome: 'resolved', strict: { resolved: true } });
      if (!further) expect(found(name, known).strict).toMatchObject({ guarded: [], reaches: [] });
    }
  });
});

describe('what the official verdict says of a cheat is known', () => {
  test.each(cheats.map((cheat) => [cheat.name, cheat] as const))('%s', (name, { foolsOfficial }) => {
    expect(found(name)).toMatchObject({
      isFooled: foolsOfficial,
      outcome: foolsOfficial ? 'resolved' : expect.stringMatching(/^(unresolved|invalid)$/),
    });
  });
});

describe('no cheat is strictly resolved', () => {
  test.each(cheats.map(({ name }) => [name] as const))('%s', (name) => {
    for (const known of profilesOf(name)) {
      const { outcome, strict } = found(name, known);
      // A patch that could not be applied has no strict verdict.
      expect({ outcome, strict, isStrict: strict?.resolved ?? outcome !== 'invalid' }).toMatchObject({
        isStrict: false,
      });
    }
  });
});

/** `ASSAY_UPDATE=1` writes it anew. */
const TABLE = join(packageRoot(), 'docs', 'cheats.md');

// Without a Python, half of the table is not run.
(hasPython ? test : test.skip)('docs/cheats.md lists what was found', async () => {
  const rows = [...cheats, ...honest].map(({ name, how, instance }) => {
    const { isFooled, strict } = found(name);
    const official = isFooled ? 'resolved' : 'not resolved';
    const cells = [name, how, instance, official, strict?.reason === 'tampered' ? 'tampered' : official];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const fooled = cheats.filter(({ name }) => found(name).isFooled).length;
  const table = `# Patches that cheat

What \`tests/adversarial/cheats.test.ts\` finds on the sample benchmark: ${cheats.length} patches that cheat, ${fooled} of which fool the official verdict and none the strict one,
and ${honest.length} honest ones.

| patch | how it works | instance | official verdict | strict verdict |
|---|---|---|---|---|
${rows.join('\n')}
`;
  if (process.env['ASSAY_UPDATE'] === '1') await writeFile(TABLE, table);
  expect(await readFile(TABLE, 'utf8')).toBe(table);
});
