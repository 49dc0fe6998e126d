import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ImageInfo } from '../../src/engine/engine.js';
import { imageArchive } from '../../src/image/archive.js';
import { checkInside, type DeepCheckOptions } from '../../src/image/check-deep.js';
import { LABEL } from '../../src/image/labels.js';
import { type LayerEntry, withFolders, writeLayer } from '../../src/image/layer.js';
import { pruneImages } from '../../src/image/prune.js';
import { storedImages } from '../../src/image/usage.js';
import { describeWithDocker } from '../helpers/docker.js';
import { self } from './context.js';
import { git, gitAt } from './git-repo.js';

const never = new AbortController().signal;
/** Ours alone: no other image has this label, or a name that starts so. */
const OWN = `assay-prune-test-${process.pid}.`;
const MARK = { 'assay.test.prune': OWN };
const KIB = 1024;

await describeWithDocker('managing images in a real Docker engine', ({ engine, image }) => {
  const work = mkdtempSync(join(tmpdir(), 'assay-manage-'));
  const cacheDir = join(work, 'cache');
  let base: ImageInfo;

  beforeAll(async () => {
    base = (await engine.images.inspect(image, never)) as ImageInfo;
  });
  afterAll(async () => {
    for (const { ref } of await engine.images.list(MARK)) await engine.images.remove(ref);
    rmSync(work, { recursive: true, force: true });
    await engine.close();
  });

  /** An image of one more layer. */
  async function add(
    name: string,
    parent: ImageInfo,
    kind: string,
    entries: readonly LayerEntry[],
  ): Promise<ImageInfo> {
    const tag = `${OWN}${name}:latest`;
    const layer = await writeLayer(withFolders(entries), join(work, `${name}.tar`));
    const labels = { ...MARK, [LABEL.kind]: kind };
    await engine.images.load(imageArchive({ parent, layers: [layer], tag, labels, comment: name }), {
      signal: never,
    });
    return (await engine.images.inspect(tag, never)) as ImageInfo;
  }
  const file = (path: string, kib: number): LayerEntry => ({
    path,
    kind: 'file',
    content: Buffer.alloc(kib * KIB, path),
  });

  test('prune goes by last use, keeps what a container uses and what it stands on, and frees what it says', async () => {
    const environment = await add('env', base, 'environment', [file('e', 300)]);
    const repository = await add('repo', environment, 'repository', [file('r', 200)]);
    const old = await add('old', repository, 'instance', [file('o', 100)]);
    const used = await add('used', repository, 'instance', [file('u', 50)]);
    const recent = await add('recent', repository, 'instance', [file('n', 25)]);
    await engine.images.tag(old.ref, `${OWN}other:latest`);
    const options = {
      engine: engine.images,
      labels: MARK,
      prefix: OWN,
      protect: new Set<string>(),
      cacheDir,
      owner: self,
      signal: never,
      published: false,
      dryRun: false,
    };
    const container = await engine.containers.start(
      {
        image: used.ref,
        name: `${OWN}container`,
        labels: MARK,
        limits: { memoryBytes: 2 ** 27, cpus: 1, pids: 16, network: false, capAdd: [] },
      },
      never,
    );
    try {
      const stored = await storedImages({ ...options, uses: new Map(), published: [] });
      expect(stored.map(({ names }) => names.length).sort()).toEqual([1, 1, 1, 1, 2]);
      const first = await pruneImages({ ...options, keepBytes: 600 * KIB, protect: new Set([recent.ref]) });
      expect(first.removed.map(({ kind, freedBytes }) => [kind, freedBytes >= 100 * KIB])).toEqual([
        ['instance', true],
      ]);
      expect(await engine.images.inspect(old.ref, never)).toBeUndefined();
      expect(await engine.images.inspect(`${OWN}other:latest`, never)).toBeUndefined();
      await pruneImages({ ...options, keepBytes: 0 });
      const left = (await engine.images.list(MARK)).map(({ ref }) => ref).sort();
      expect(left).toEqual([environment.ref, repository.ref, used.ref].sort());
    } finally {
      await container.destroy();
    }
    const last = await pruneImages({ ...options, keepBytes: 0 });
    expect(last.removed.map(({ ref }) => ref)).toEqual([used.ref, repository.ref, environment.ref]);
    expect(last.leftBytes).toBe(0);
    expect(await engine.images.list(MARK)).toEqual([]);
    expect(await engine.images.inspect(image, never)).toBeDefined();
  }, 60_000);

  const ANSWER = 'return compute_the_hidden_answer(everything, carefully)';
  const OLD = 'a line of more than thirty characters that was always there';
  const patch = `--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n+    ${ANSWER}\n+${OLD}\n`;

  /** What the check finds in a repository that `spoil` had its way with. */
  async function inspectTree(name: string, spoil: (dir: string) => void, extra: readonly LayerEntry[] = []) {
    const dir = mkdtempSync(join(work, 'tree-'));
    git(dir, 'init', '-q');
    writeFileSync(join(dir, 'a.py'), `${OLD}\n`);
    git(dir, 'add', '-A');
    git(dir, 'commit', '-q', '-m', 'base');
    git(dir, 'commit', '-q', '--allow-empty', '-m', 'SWE-bench');
    const commit = git(dir, 'rev-parse', 'HEAD~1');
    git(dir, 'config', 'core.logAllRefUpdates', 'false');
    rmSync(join(dir, '.git/logs'), { recursive: true });
    spoil(dir);
    const made = await add(name, base, 'instance', [...treeOf(dir), ...extra]);
    const options: DeepCheckOptions = {
      containers: engine.containers,
      image: made.ref,
      workdir: '/testbed',
      commit,
      byteCode: true,
      patches: [patch],
      name: `${OWN}${name}`,
      labels: MARK,
      signal: never,
    };
    return checkInside(options);
  }

  test('a deep check finds nothing in a clean image', async () => {
    expect(await inspectTree('clean', () => {})).toEqual([]);
  }, 60_000);

  test('a deep check finds the future, whatever git keeps it in', async () => {
    const found = await inspectTree('future', (dir) => {
      writeFileSync(join(dir, 'a.py'), `${OLD}\n${ANSWER}\n`);
      gitAt('2021-09-03T04:05:06Z', dir, 'commit', '-q', '-a', '-m', 'the fix');
      const fix = git(dir, 'rev-parse', 'HEAD');
      git(dir, 'reset', '-q', '--hard', 'HEAD~1');
      gitAt('2021-09-03T04:05:06Z', dir, 'tag', '-a', 'v2', '-m', 'later', 'HEAD~1');
      git(dir, 'remote', 'add', 'origin', 'https://example.org/a.git');
      git(dir, 'update-ref', '--create-reflog', '-m', 'seen', 'refs/heads/side', 'HEAD');
      rmSync(join(dir, '.git/ORIG_HEAD'), { force: true });
      expect(fix).toHaveLength(40);
    });
    expect(found.join('\n')).toMatch(/newer than the base commit: .*the fix/);
    expect(found.join('\n')).toContain('refs/tags/v2');
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^git has a remote/),
        expect.stringMatching(/^git has a reflog/),
        expect.stringMatching(/^git has unreachable objects/),
        expect.stringMatching(/^git has objects that no branch or tag leads to/),
        expect.stringMatching(/^lines of the patch or the tests are in git objects/),
      ]),
    );
  }, 60_000);

  test('a deep check finds the answer in any file, byte code, a changed tree and another commit', async () => {
    const found = await inspectTree(
      'answer',
      (dir) => {
        git(dir, 'commit', '-q', '--allow-empty', '-m', 'one more');
        writeFileSync(join(dir, 'a.py'), `${OLD}\nchanged\n`);
      },
      [
        { path: 'opt/notes.txt', kind: 'file', content: `see:\n\t${ANSWER}\n` },
        { path: 'testbed/__pycache__/a.pyc', kind: 'file', content: 'x' },
      ],
    );
    expect(found).toEqual([
      expect.stringMatching(/^HEAD~1 is [0-9a-f]{40}, not [0-9a-f]{40}$/),
      expect.stringMatching(/^the tree is not clean: {2}M a\.py/),
      'there is byte code: /testbed/__pycache__/a.pyc',
      'lines of the patch or the tests are in files: /opt/notes.txt',
    ]);
  }, 60_000);
});

/** All files of a folder, as they are to be in `/testbed`. */
function treeOf(dir: string): readonly LayerEntry[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).map((found): LayerEntry => {
    const full = join(found.parentPath, found.name);
    const path = `testbed/${full.slice(dir.length + 1)}`;
    return found.isDirectory()
      ? { path, kind: 'folder' }
      : { path, kind: 'file', content: readFileSync(full) };
  });
}
