import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readRun } from '../../src/run/folder.js';
import { assay } from '../helpers/cli.js';
import { hasPython, SAMPLE, sampleInstances, sampleLines, sampleText } from './sources.js';

interface Expected {
  readonly outcome: string;
  readonly reason: string;
}
const expected = JSON.parse(sampleText('predictions/expected.json')) as Record<string, Expected>;
const instances = sampleInstances();

test('the mixed file has one prediction per instance, and the outcome of each is written down', () => {
  const ids = instances.map(({ instanceId }) => instanceId);
  const predictions = sampleLines('predictions/mixed.jsonl') as {
    instance_id: string;
    model_patch: unknown;
  }[];
  expect(predictions.map((prediction) => prediction.instance_id)).toEqual(ids);
  expect(Object.keys(expected)).toEqual(ids);
  const reasons = Object.values(expected).map(({ reason }) => reason);
  expect(new Set(reasons)).toEqual(
    new Set(['tests_passed', 'tests_failed', 'test_timeout', 'apply_failed', 'empty_patch']),
  );
  expect(reasons.filter((reason) => reason === 'test_timeout')).toHaveLength(2);
});

test('each mixed prediction gets the verdict that was written down', async () => {
  const work = await mkdtemp(join(tmpdir(), 'assay-mixed-'));
  try {
    const chosen = instances.filter(({ language }) => hasPython || language !== 'python');
    const repos = [...new Set(chosen.map(({ repo }) => repo))].flatMap((repo) => ['--repo', repo]);
    const predictions = join(SAMPLE, 'predictions', 'mixed.jsonl');
    const args = ['eval', 'sample', '-p', predictions, ...repos, '-t', '10', '-q', '--run-id', 'mixed'];
    const { code, stderr } = await assay(args, { cwd: work, cache: join(work, 'cache') });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { verdicts } = await readRun(join(work, 'runs', 'mixed'));
    const found = verdicts.map(({ instanceId, outcome, reason }) => `${instanceId}: ${outcome}, ${reason}`);
    const wanted = chosen.map(
      ({ instanceId: id }) => `${id}: ${expected[id]?.outcome}, ${expected[id]?.reason}`,
    );
    expect(found.sort()).toEqual(wanted.sort());
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}, 300_000);
