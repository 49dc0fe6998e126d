import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { AssayError } from '../../src/errors.js';
import { buildInstanceImage } from '../../src/image/build.js';
import type { ImageRecipe } from '../../src/model/eval-spec.js';
import { fakeImages } from './fake-images.js';
import { repositoryWithFuture } from './git-repo.js';

const bare = { systemPackages: [], pythonPackages: [] };
const environment = {
  python: '3.9',
  systemPackages: ['graphviz'],
  pythonPackages: ['pip==24.2', 'pytest==7.4.0'],
};
const labels = { 'assay.base.pythons': '3.11.2 3.9.18' };

function setting(onBuild?: Parameters<typeof fakeImages>[0]['onBuild']) {
  const { dir: mirror, base: commit } = repositoryWithFuture();
  const engine = fakeImages({ present: ['base'], labels, onBuild });
  const cacheDir = mkdtempSync(join(tmpdir(), 'assay-cache-'));
  const recipe: ImageRecipe = {
    name: 'Owner__repo-1',
    source: { kind: 'git', repo: 'owner/repo', commit },
    workdir: '/testbed',
    environment,
    preInstall: [],
    install: ['python -m pip install -e .'],
    checks: [],
  };
  const log: string[] = [];
  const build = async (changes: Partial<ImageRecipe> = {}, options: { caFile?: string } = {}) => {
    const base = await engine.inspect('base', new AbortController().signal);
    if (base === undefined) throw new Error('no base');
    return buildInstanceImage({
      recipe: { ...recipe, ...changes },
      engine,
      base,
      mirror,
      cacheDir,
      signal: new AbortController().signal,
      onLog: (line) => log.push(line),
      ...options,
    });
  };
  return { engine, cacheDir, build, log };
}

describe('buildInstanceImage', () => {
  test('builds the environment, then the instance on top of it', async () => {
    const { engine, build } = setting();
    const image = await build();
    expect(image.ref).toBe('assay.eval.owner__repo-1:latest');
    expect(image.labels).toMatchObject({
      'assay.image.python': '3.9.18',
      'assay.image.python.requested': '3.9',
    });
    expect(engine.builds.map(({ tag }) => tag.slice(0, 10))).toEqual(['assay.env.', 'assay.eval']);
    const [environment, instance] = engine.builds;
    expect(environment?.files.get('fetch/build.txt')?.text).toBe('flit_core>=3\nsetuptools\nwheel\n');
    expect(environment?.files.get('Dockerfile')?.text).toContain(
      'apt-get install -y --no-install-recommends graphviz',
    );
    expect(instance?.files.get('Dockerfile')?.text).toContain(`FROM ${environment?.tag}`);
    expect(instance?.files.get('root/testbed/.git/HEAD')?.text).toBe('ref: refs/heads/main\n');
  });

  test('shares the environment between instances and builds nothing twice', async () => {
    const { engine, build } = setting();
    await build();
    await build();
    expect(engine.builds).toHaveLength(2);
    await build({ name: 'owner__repo-2' });
    expect(engine.builds).toHaveLength(3);
    await build({ environment: { ...environment, pythonPackages: ['pip==24.2', 'pytest==8.0.0'] } });
    expect(engine.builds).toHaveLength(5);
    expect(new Set(engine.builds.map(({ tag }) => tag)).size).toBe(4);
  });

  test('sends the same context each time, with fixed owner and time', async () => {
    const { engine, build } = setting();
    await build();
    for (const { ref } of await engine.list({})) if (ref !== 'base') await engine.remove(ref);
    await build();
    const hashes = engine.builds.map(({ contextSha256 }) => contextSha256);
    expect(hashes.slice(2)).toEqual(hashes.slice(0, 2));
    for (const { header } of engine.builds[1]?.files.values() ?? [])
      expect(header).toMatchObject({ uid: 0, gid: 0, mtime: new Date('2020-01-01T00:00:00Z') });
  });

  test('keeps the certificate file in the stage that is thrown away, and out of the key', async () => {
    const { engine, build, cacheDir } = setting();
    const caFile = join(cacheDir, 'ca.pem');
    writeFileSync(caFile, 'CERTIFICATE');
    await build({}, { caFile });
    await build();
    expect(engine.builds).toHaveLength(2);
    expect(
      engine.builds.flatMap(({ files }) => [...files].filter(([, { text }]) => text === 'CERTIFICATE')),
    ).toEqual([['fetch/ca.pem', expect.anything()]]);
    const dockerfile = engine.builds[0]?.files.get('Dockerfile')?.text ?? '';
    expect(dockerfile.lastIndexOf('FROM ')).toBeGreaterThan(dockerfile.indexOf('COPY fetch'));
  });

  test('says when the base has another Python than the recipe', async () => {
    const { build, log } = setting();
    const image = await build({ environment: { ...environment, python: '3.7' } });
    expect(log[0]).toBe('Owner__repo-1: Python 3.7 is asked for, the base image base has 3.11.2');
    expect(image.labels).toMatchObject({
      'assay.image.python': '3.11.2',
      'assay.image.python.requested': '3.7',
    });
  });

  test('builds a tree without Python or history', async () => {
    const { engine, build, cacheDir } = setting();
    const dir = mkdtempSync(join(tmpdir(), 'assay-tree-'));
    writeFileSync(join(dir, 'index.js'), 'export {};\n', { mode: 0o755 });
    await build({ source: { kind: 'tree', dir }, environment: bare, install: [] });
    const [environment, instance] = engine.builds;
    expect([...(environment?.files.keys() ?? [])]).toEqual(['Dockerfile']);
    expect(instance?.files.get('root/testbed/index.js')?.header).toMatchObject({ mode: 0o755 });
    writeFileSync(join(dir, 'index.js'), 'export default 1;\n');
    await build({ source: { kind: 'tree', dir }, environment: bare, install: [] });
    expect(engine.builds).toHaveLength(3);
    expect(readdirSync(cacheDir)).toEqual(['build-logs']);
  });

  test('names the log of a build that failed and shows its end', async () => {
    const { build, cacheDir } = setting(({ tag, onLog }) => {
      if (!tag.startsWith('assay.eval')) return;
      onLog('\u001b[91mno such package\u001b[0m');
      throw new AssayError('image_build_failed', 'pip ended with code 1');
    });
    const logFile = join(cacheDir, 'build-logs/assay.eval.owner__repo-1.log');
    await expect(build()).rejects.toMatchObject({
      code: 'image_build_failed',
      message: `pip ended with code 1 (build log: ${logFile})`,
      detail: 'Step 1/1\nno such package',
    });
    expect(readFileSync(logFile, 'utf8')).toBe('Step 1/1\nno such package\n');
    expect(readdirSync(cacheDir)).toEqual(['build-logs']);
    expect(existsSync(logFile)).toBe(true);
  });

  test('needs a repository for a git source', async () => {
    const { engine } = setting();
    const base = await engine.inspect('base', new AbortController().signal);
    await expect(
      buildInstanceImage({
        recipe: {
          name: 'x',
          source: { kind: 'git', repo: 'owner/repo', commit: '1' },
          workdir: '/testbed',
          environment: bare,
          preInstall: [],
          install: [],
          checks: [],
        },
        engine,
        base: base as NonNullable<typeof base>,
        cacheDir: tmpdir(),
        signal: new AbortController().signal,
        onLog: () => {},
      }),
    ).rejects.toMatchObject({
      code: 'image_build_failed',
      message: 'x: no git repository of owner/repo to build from',
    });
  });
});
