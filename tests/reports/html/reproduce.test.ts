import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { reproduce } from '../../../reports/html/reproduce.js';
import type { RunManifest } from '../../../src/index.js';
import { packageRoot } from '../../../src/util/package.js';
import { runResults, verdict } from '../run-results.js';

const run = promisify(execFile);
const ID = 'assay-sample__tabula-1';
const PREDICTIONS = "it's $(touch owned) mine.jsonl";

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-reproduce-'));
  const line = `${JSON.stringify({ instance_id: ID, model_name_or_path: 'm', model_patch: 'x' })}\n`;
  await writeFile(join(folder, PREDICTIONS), line);
  await writeFile(join(folder, 'predictions.jsonl'), line);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function manifestOf(options: Record<string, unknown>, settings: Partial<RunManifest['settings']> = {}) {
  const { manifest } = runResults([], []);
  return {
    ...manifest,
    settings: {
      ...manifest.settings,
      ...{ datasetRevision: 'local', profile: 'v5', timeoutSeconds: 90, predictions: '' },
      ...settings,
      options: { dataset: 'sample', strict: true, network: 'auto', memory: '4g', pids: 4096, ...options },
    },
  } as RunManifest;
}

/** What a POSIX shell makes of the command with more words to it. */
async function inShell(command: string | undefined, more: string): Promise<string> {
  const main = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');
  const script = `assay() { "${process.execPath}" "${main}" "$@"; }\n${command} ${more}`;
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, ASSAY_CACHE: join(folder, 'cache') };
  return (await run('sh', ['-c', script], { cwd: folder, env })).stdout;
}

describe('the commands that judge an attempt again', () => {
  test.each([
    ['predictions', manifestOf({ predictions: PREDICTIONS, id: ['a', 'b'], epochs: 2, output: 'runs/x' })],
    ['gold patches', manifestOf({ gold: true, shard: '1/2', strict: undefined, cpus: 1.5 })],
    ['a rollout', manifestOf({ samples: 4, turns: 40 }, { predictions: 'rollout' })],
  ])('run as they are: %s', async (_name, manifest) => {
    const [again] = reproduce(manifest, verdict(ID));
    expect(again).not.toMatch(/--(?:epochs|shard|samples|turns)|runs\/x/);
    expect(await inShell(again, '--dry-run')).toMatch(new RegExp(`^${ID}\t1\t.*\n$`));
  });

  test('a validation is one of this instance', () => {
    const manifest = manifestOf({ epochs: 3 }, { predictions: 'gold and empty' });
    const [again] = reproduce(manifest, verdict(ID));
    expect(again).toBe(
      `assay validate sample --id ${ID} --profile v5 --timeout 90 --network auto --memory 4g --pids 4096 --output "$(mktemp -d)"`,
    );
  });

  test('a revision of the Hub is the one of the run', () => {
    const manifest = manifestOf({ dataset: 'verified', gold: true }, { datasetRevision: 'c104f84' });
    for (const command of reproduce(manifest, verdict(ID))) expect(command).toContain('--revision c104f84');
  });

  test('a shell opens the container of the instance, with the patch where there is one', async () => {
    const [, withPatch] = reproduce(manifestOf({}), verdict(ID));
    expect(withPatch).toMatch(
      new RegExp(
        `^# in the run's folder\nassay shell ${ID} .*--patch i/${ID}/1/patch.diff -- bash /eval.sh$`,
      ),
    );
    const official = { ...verdict(ID).official, patchExists: false };
    const [, plain] = reproduce(manifestOf({}), verdict(ID, { official }));
    expect(await inShell(plain, '--print-script')).toContain('>>>>> Start Test Output');
  });

  test('of an imported run take its predictions, if it has any', () => {
    const imported = { engine: 'imported', timeoutSeconds: 0 };
    const commands = (options: Record<string, unknown>) =>
      reproduce(manifestOf({ dataset: 'verified', ...options }, imported), verdict(ID));
    expect(commands({ predictions: '/p.jsonl' })[0]).toBe(
      `assay eval verified --id ${ID} --profile v5 --predictions /p.jsonl --network auto --memory 4g --pids 4096 --output "$(mktemp -d)"`,
    );
    expect(commands({})).toHaveLength(1);
    expect(commands({})[0]).toContain(`assay shell ${ID}`);
  });

  test('no word of a run is run', async () => {
    const [again] = reproduce(manifestOf({ predictions: PREDICTIONS, model: '`touch owned`' }), verdict(ID));
    expect(again).toContain(`'it'\\''s $(touch owned) mine.jsonl' --model '\`touch owned\`'`);
  });
});
