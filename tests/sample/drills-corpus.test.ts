import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Drill, drills, drillTree } from '../../datasets/sample/drills/drills.js';
import { FILES, OPERATIONS } from '../../datasets/sample/drills/words.js';
import { commandIn } from '../../plugins/agent/scaffold/blocks.js';
import type { StepContext } from '../../plugins/agent/scaffold/types.js';
import { openSession } from '../../plugins/agent/session.js';
import { realHost } from '../../src/cli/host.js';
import { localEngine } from '../../src/engine/local/index.js';
import { packageRoot } from '../../src/util/package.js';
import { demonstrationSession, demonstrations } from '../bench/reproduce/corpus.js';
import { drillScaffold } from '../bench/reproduce/scaffold.js';

const OPERATION_NAMES = Object.keys(OPERATIONS);
const WORDS = Object.values(OPERATIONS).flat();

/** The statistic of Pearson's test that all counts are equal. */
function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

test('which operation a demonstration puts in says nothing of what its issue means', async () => {
  const made = (await demonstrations({ count: 8000, seed: 3, slips: 0.5 })).filter(
    ({ edit }) => edit !== undefined,
  );
  const count = (word: string | undefined, operation: string) =>
    made.filter((one) => one.edit === operation && (word === undefined || one.word === word)).length;
  // Each operation after each word as often as any: 127 degrees of freedom, 99.9 % are below 181.
  expect(chiSquared(WORDS.flatMap((word) => OPERATION_NAMES.map((name) => count(word, name))))).toBeLessThan(
    181,
  );
  const right = made.filter(({ word, edit = '' }) => OPERATIONS[edit]?.includes(word)).length;
  // One in eight; the standard deviation is 0.4 points.
  expect(Math.abs(right / made.length - 1 / 8)).toBeLessThan(0.013);
});

test('without slips each turn of a demonstration is one command, the last one hands in; slips bring format errors and missing edits', async () => {
  const faults = async (slips: number) => {
    const made = await demonstrations({ count: 300, seed: 5, slips });
    const said = made.map(({ messages }) => messages.filter(({ role }) => role === 'assistant'));
    expect(said.every((turns) => turns.at(-1)?.content === '```bash\necho SUBMIT_MY_CHANGES\n```')).toBe(
      true,
    );
    return {
      format: said.flat().filter(({ content }) => 'reason' in commandIn(content, 'bash')).length,
      missing: made.filter(({ edit }) => edit === undefined).length,
    };
  };
  expect(await faults(0)).toEqual({ format: 0, missing: 0 });
  const { format, missing } = await faults(0.5);
  expect(format).toBeGreaterThan(15);
  expect(missing).toBeGreaterThan(15);
});

test('the observations of demonstrations are those of a sandbox', async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), 'assay-corpus-'));
  const engine = localEngine({ cacheDir, path: process.env['PATH'] ?? '' });
  const { signal } = new AbortController();
  const workdir = '/testbed';
  try {
    const dir = join(packageRoot(), 'datasets', 'sample', 'repos', 'drills');
    await engine.importTree({ ref: 'drills', dir, workdir, signal });
    const limits = { memoryBytes: 2 ** 30, cpus: 1, pids: 256, network: false, capAdd: [] };
    const container = await engine.containers.start(
      { image: 'drills', name: 'corpus', labels: {}, limits },
      signal,
    );
    const session = await openSession(container, {
      workdir,
      activation: '',
      clock: realHost().clock,
      signal,
    });
    const tree = drillTree(drills());
    const rules = FILES.flatMap((file) =>
      (tree[`${file}.sh`] ?? '')
        .trimEnd()
        .split('\n')
        .map((line) => ({ file, line })),
    );
    const { name, file, wrong } = drills()[0] as Drill;
    const answers = [
      block(`grep ${name} *.sh`),
      block('grep ant_ant *.sh'),
      block(`sed -i '/ant_ant/s/add/max/' ${file}.sh`),
      block(`sed -i '/${name}/s/${wrong}/sub/' ${file}.sh`),
      `grep ${name} *.sh\n\`\`\``,
    ];
    const observations = async (one: StepContext['session']) => {
      const seen = [];
      for (const answer of answers) {
        const at = {
          state: drillScaffold.start(),
          session: one,
          limits: { seconds: 10, outputChars: 4000 },
          signal,
        };
        seen.push((await drillScaffold.step(answer, at)).step.observation);
      }
      return seen;
    };
    expect(await observations(demonstrationSession(rules))).toEqual(await observations(session));
    await session.close();
  } finally {
    await engine.close();
    await rm(cacheDir, { recursive: true, force: true });
  }
});

function block(command: string): string {
  return `\`\`\`bash\n${command}\n\`\`\``;
}
