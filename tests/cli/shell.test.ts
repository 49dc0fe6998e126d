import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { imageArchive } from '../../src/image/archive.js';
import { sha256 } from '../../src/util/hash.js';
import { packageRoot } from '../../src/util/package.js';
import { assay } from '../helpers/cli.js';
import { describeWithDocker } from '../helpers/docker.js';

const ID = `test__shell-${process.pid}`;
const TAG = `assay.eval.${ID}:latest`;
const never = new AbortController().signal;
const PATCH =
  'diff --git a/fruit b/fruit\nindex 4c47991..637a09b 100644\n--- a/fruit\n+++ b/fruit\n@@ -1 +1 @@\n-apple\n+pear\n';
/** A tree with a commit, and an environment that says when it is active. */
const MAKE = `
mkdir -p layer/opt/env/bin layer/testbed
echo 'export FRUIT_ENV=active' > layer/opt/env/bin/activate
cd layer/testbed
echo apple > fruit
git init -q && git add . && git -c user.name=t -c user.email=t@t commit -qm base
tar -C .. --owner=0 --group=0 -cf ../../layer.tar opt testbed
`;

await describeWithDocker('assay shell', ({ engine, image }) => {
  let work = '';
  const shell = (...args: string[]) =>
    assay(['shell', ID, '-d', 'rows.jsonl', ...args], {
      cwd: work,
      cache: join(work, 'cache'),
      env: { DOCKER_HOST: process.env['DOCKER_HOST'] ?? '' },
    });
  const containers = () =>
    engine.containers.reap({ 'assay.instance': ID }, () => true).then((removed) => removed.length);

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'assay-shell-'));
    const rows = await readFile(join(packageRoot(), 'datasets', 'sample', 'instances.jsonl'), 'utf8');
    const row = JSON.parse(rows.split('\n', 1)[0] ?? '') as Record<string, unknown>;
    const script = '#!/bin/bash\nsource /opt/env/bin/activate\ncd /testbed\necho "the tests, $FRUIT_ENV"\n';
    const own = { ...row, repo: 'test/shell', instance_id: ID, eval_script: script };
    await writeFile(join(work, 'rows.jsonl'), `${JSON.stringify(own)}\n`);
    await writeFile(join(work, 'fix.diff'), PATCH);
    await writeFile(join(work, 'other.diff'), PATCH.replace('-apple', '-plum'));
    await promisify(execFile)('bash', ['-ec', MAKE], { cwd: work });
    const file = join(work, 'layer.tar');
    const layer = await readFile(file);
    const parent = await engine.images.inspect(image, never);
    if (parent === undefined) throw new Error(`${image} is gone`);
    const archive = imageArchive({
      parent,
      layers: [{ file, diffId: `sha256:${sha256(layer)}`, bytes: layer.length }],
      tag: TAG,
      labels: {},
      workdir: '/testbed',
      comment: 'test',
    });
    await engine.images.load(archive, { signal: never });
  }, 60_000);
  afterAll(async () => {
    await containers();
    await engine.images.remove(TAG);
    await engine.close();
    await rm(work, { recursive: true, force: true });
  });

  test('runs a command in the tree with the environment active, and passes its exit code', async () => {
    const { code, stdout } = await shell('--', 'bash', '-c', 'echo "$PWD $FRUIT_ENV"; exit 3');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '/testbed active\n' });
  }, 60_000);

  test('applies a patch first, as an evaluation does', async () => {
    const { code, stdout, stderr } = await shell('--patch', 'fix.diff', '--', 'cat', 'fruit');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'pear\n' });
    expect(stderr).toContain('patch applied with `git apply');
  }, 60_000);

  test('says so when the patch does not apply, and runs nothing', async () => {
    const { code, stdout, stderr } = await shell('--patch', 'other.diff', '--', 'cat', 'fruit');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`the patch does not apply to ${ID}`);
    expect(stderr).toContain('fruit');
  }, 60_000);

  test('has the eval script in the container, and no network', async () => {
    const { stdout } = await shell('--', 'bash', '-c', 'bash /eval.sh; ls /sys/class/net');
    expect(stdout).toContain('the tests, active\n');
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('lo');
  }, 60_000);

  test('leaves no container, but with --keep, which says how to get into it', async () => {
    await shell('--', 'true');
    expect(await containers()).toBe(0);
    const { stderr } = await shell('--keep', '--', 'true');
    expect(stderr).toMatch(/kept container [0-9a-f]{12}: docker exec -it/);
    expect(await containers()).toBe(1);
  }, 60_000);
});
