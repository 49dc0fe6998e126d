import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ImageInfo } from '../../src/engine/engine.js';
import { buildInstanceImage } from '../../src/image/build.js';
import { describeWithDocker } from '../helpers/docker.js';
import { repositoryWithFuture } from './git-repo.js';

const never = new AbortController().signal;

await describeWithDocker('images in a real Docker engine', ({ engine, image }) => {
  const cacheDir = mkdtempSync(join(tmpdir(), 'assay-cache-'));
  const { dir: mirror, base: commit } = repositoryWithFuture();
  let built: ImageInfo | undefined;

  beforeAll(async () => {
    const base = await engine.images.inspect(image, never);
    built = await buildInstanceImage({
      recipe: {
        name: `test-${process.pid}`,
        source: { kind: 'git', repo: 'owner/repo', commit },
        workdir: '/testbed',
        environment: { systemPackages: [], pythonPackages: [] },
        preInstall: ['echo changed by the install >>a.txt'],
        install: ['test -f a.txt'],
        checks: [],
      },
      engine: engine.images,
      base: base as ImageInfo,
      mirror,
      cacheDir,
      signal: never,
      onLog: () => {},
    });
  }, 120_000);

  afterAll(async () => {
    if (built !== undefined) await engine.images.remove(built.ref);
    rmSync(cacheDir, { recursive: true, force: true });
    await engine.close();
  });

  async function bash(script: string): Promise<string> {
    const container = await engine.containers.start(
      {
        image: built?.ref ?? '',
        name: `assay-image-test-${process.pid}`,
        labels: { 'assay.test': 'image' },
        limits: { memoryBytes: 2 ** 28, cpus: 1, pids: 64, network: false, capAdd: [] },
      },
      never,
    );
    let output = '';
    try {
      await container.exec({
        argv: ['bash', '-c', script],
        workdir: '/testbed',
        signal: never,
        onOutput: (chunk) => {
          output += Buffer.from(chunk).toString();
        },
      });
    } finally {
      await container.destroy();
    }
    return output.trim();
  }

  test('an image holds the tree after the install, and git knows its past alone', async () => {
    expect(
      await bash(
        'git status --porcelain; git log --all --topo-order --format=%s; git tag; git remote; git reflog',
      ),
    ).toBe('SWE-bench\nbase\nfirst\nv1');
    expect(
      await bash(
        `git diff --stat ${commit} | tail -1; git cat-file --batch-all-objects --batch | grep -ac SECRET`,
      ),
    ).toBe('1 file changed, 1 insertion(+)\n0');
    expect(await bash('ls -A / /tmp | grep -i assay')).toBe('');
  });
});
