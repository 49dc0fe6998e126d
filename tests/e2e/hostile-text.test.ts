import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startFakeEngine } from '../fixtures/engine/fake-engine.js';
import { assay } from '../helpers/cli.js';

const HOSTILE = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u007f\u202e';
const STEERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

let work = '';
let run: (...args: string[]) => ReturnType<typeof assay>;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-hostile-'));
  run = (...args) => assay(args, { cwd: work, cache: join(work, 'cache') });
});
afterAll(() => rm(work, { recursive: true, force: true }));

test('terminal escapes in a model name, an id or a patch reach no terminal and no report', async () => {
  const { stdout: ids } = await run('dataset', 'list', 'sample');
  const id = ids.split('\n', 1)[0] ?? '';
  const patch = `--- a/${HOSTILE}\n+++ b/${HOSTILE}\n@@ -1 +1 @@\n-${HOSTILE}\n+x\n`;
  const prediction = { instance_id: id, model_name_or_path: 'm', model_patch: patch };
  const unknown = { ...prediction, instance_id: HOSTILE };
  const named = { ...prediction, model_name_or_path: HOSTILE };
  await writeFile(join(work, 'unknown.jsonl'), JSON.stringify(unknown));
  await writeFile(join(work, 'named.jsonl'), JSON.stringify(named));
  await writeFile(join(work, 'preds.jsonl'), JSON.stringify(prediction));

  const folder = join(work, 'runs', 'r');
  const shown = [
    await run('eval', 'sample', '-p', 'unknown.jsonl'),
    await run('eval', 'sample', '-p', 'named.jsonl'),
    await run('eval', 'sample', '-p', 'preds.jsonl', '-i', id, '--run-id', 'r', '--json'),
    await run('show', folder),
    await run('show', folder, id),
    await run('show', folder, id, '--json'),
    await run('show', folder, HOSTILE),
  ];
  for (const { stdout, stderr } of shown) expect(stdout + stderr).not.toMatch(STEERS);
  expect(shown.map(({ code }) => code)).toEqual([2, 2, 0, 0, 0, 0, 2]);
  expect(shown[4]?.stdout).toContain('apply_failed');
  expect(shown[4]?.stdout).toContain('\\u009b31m');
  expect(JSON.parse(shown[5]?.stdout ?? '').detail).toContain('\u009b31m');
  // Bytes of a file, for a file.
  expect((await run('show', folder, id, '--patch')).stdout).toBe(`${patch}\n`);
  for (const name of (await readdir(folder)).filter((file) => /^report\./.test(file)))
    expect([name, (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n')]).toEqual([
      name,
      expect.not.stringMatching(STEERS),
    ]);
});

test('an engine without a filter of system calls is warned of at the start', async () => {
  const fake = await startFakeEngine({ security: [] });
  const env = { DOCKER_HOST: fake.host };
  const args = ['eval', 'sample', '--gold', '-n', '1', '--engine', 'docker', '--retries', '0'];
  const { stderr } = await assay([...args, '--quiet'], { cwd: work, cache: join(work, 'cache'), env });
  await fake.close();
  expect(stderr).toContain('warning: this Docker engine runs containers without a seccomp profile');
});
