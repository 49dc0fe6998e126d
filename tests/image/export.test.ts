import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ImageInfo } from '../../src/engine/engine.js';
import type { BuildContext } from '../../src/image/build-context.js';
import { type ExportInstance, exportImages } from '../../src/image/export.js';
import { readCompressed } from '../../src/image/export-archive.js';
import type { ExportIndex } from '../../src/image/export-index.js';
import { importFiles, importInstance, withExport } from '../../src/image/import.js';
import { instanceImage } from '../../src/image/instance.js';
import { mirrorOf } from '../../src/image/mirror.js';
import { describeWithDocker } from '../helpers/docker.js';
import { buildSetting, self } from './context.js';
import { git, longRepository, repositoryWithFuture } from './git-repo.js';
import { removeImages } from './real-images.js';

const never = new AbortController().signal;
const REPO = 'owner/carried';
const LONG = 'owner/long';

await describeWithDocker('images carried to another host', ({ engine, image }) => {
  // Its own environment, so that other tests' images are neither used nor removed.
  const environment = { reference: `carried-${process.pid}`, systemPackages: [], pythonPackages: [] };
  const short = repositoryWithFuture();
  const long = longRepository();
  const instanceOf = (name: string, repo: string, commit: string): ExportInstance => ({
    instanceId: name,
    recipe: {
      name: `${name}-${process.pid}`,
      source: { kind: 'git', repo, commit },
      workdir: '/testbed',
      environment,
      preInstall: [],
      install: ['echo installed >>installed.txt', 'ls >/dev/null'],
      checks: [],
    },
  });
  const instances = [
    instanceOf('carried-1', REPO, short.base),
    instanceOf('carried-2', LONG, git(long.dir, 'rev-parse', `${long.base}~30`)),
    instanceOf('carried-3', LONG, git(long.dir, 'rev-parse', `${long.base}~900`)),
  ];
  const folders: string[] = [];
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), 'assay-export-'));
    folders.push(made);
    return made;
  };
  let base: ImageInfo;
  let built: readonly ImageInfo[];
  let exported: string;
  let first: { index: ExportIndex; isNew: boolean };

  /** A host: a cache of its own. Without `given` repositories it can fetch nothing. */
  function host(given: ReadonlyMap<string, string>) {
    const setting = buildSetting({ engine, base });
    const { cacheDir } = setting.context;
    const context: BuildContext = {
      ...setting.context,
      mirror: (repo, commit, signal) =>
        mirrorOf({ repo, commit, given, cacheDir, owner: self, signal, onLog: () => {} }),
    };
    folders.push(setting.store);
    return { ...setting, context };
  }

  const nowhere = new Map([
    [REPO, '/nowhere'],
    [LONG, '/nowhere'],
  ]);
  const here = new Map([
    [REPO, short.dir],
    [LONG, long.dir],
  ]);
  const howToBuild = (ids: readonly string[]) => `build ${ids.join(' ')}`;

  async function removeAll(): Promise<void> {
    await removeImages(engine, environment, REPO);
    await removeImages(engine, environment, LONG);
  }

  async function importAll(context: BuildContext, from: string) {
    const index = await importFiles({ context, folder: from });
    return withExport({ context, folder: from }, index, async (building) => {
      const made = [];
      for (const instance of index.instances) made.push(await importInstance(building, instance));
      return made;
    });
  }

  beforeAll(async () => {
    base = (await engine.images.inspect(image, never)) as ImageInfo;
    const { context } = host(here);
    const made: ImageInfo[] = [];
    for (const { recipe } of instances) made.push(await instanceImage(context, recipe));
    built = made;
    exported = folder();
    first = await exportImages({ context, instances, folder: exported, overwrite: false, howToBuild });
  }, 300_000);

  afterAll(async () => {
    await removeAll();
    for (const made of [...folders, short.dir, long.dir]) rmSync(made, { recursive: true, force: true });
    await engine.close();
  });

  test('an export holds bases, environments, one pack of each repository and locks, and no instance', () => {
    expect(first.isNew).toBe(true);
    expect(first.index.files.map(({ name }) => name)).toEqual([
      'images.tar.br',
      expect.stringMatching(/^locks\/[0-9a-f]{16}\.json$/),
      'repositories/owner+carried.pack.br',
      'repositories/owner+carried.refs',
      'repositories/owner+long.pack.br',
      'repositories/owner+long.refs',
    ]);
    expect(first.index.images.map(({ ref }) => ref)).toEqual([
      image,
      expect.stringMatching(/^assay\.env\.[0-9a-f]{16}:latest$/),
    ]);
    expect(first.index.instances.map(({ id }) => id)).toEqual(built.map(({ id }) => id));
    expect(readdirSync(exported).sort()).toEqual([
      'images.tar.br',
      'index.json',
      'locks',
      'repositories',
      'wheels',
    ]);
  });

  test('a pack holds the past and nothing of the future', async () => {
    const repository = folder();
    const pack = await buffer(readCompressed(join(exported, 'repositories/owner+carried.pack.br')));
    writeFileSync(join(repository, 'x.pack'), pack);
    git(repository, 'index-pack', 'x.pack');
    const refs = readFileSync(join(exported, 'repositories/owner+carried.refs'), 'utf8');
    expect(refs.split('\n').map((line) => line.split(' ')[1])).toEqual(
      expect.arrayContaining([`refs/heads/${short.base}`, 'refs/tags/v1']),
    );
    expect(refs).not.toMatch(/v1\.1|v2/);
    const listed = git(repository, 'verify-pack', '-v', 'x.idx');
    expect(listed).toContain(short.base);
    expect(listed).not.toContain(git(short.dir, 'rev-parse', 'main'));
  });

  test('on a host with an empty cache and without these images the import makes images with the same ids', async () => {
    await removeAll();
    const { context } = host(nowhere);
    const made = await importAll(context, exported);
    expect(made.map(({ id }) => id)).toEqual(built.map(({ id }) => id));
    expect(made.filter(({ difference }) => difference !== undefined)).toEqual([]);
  }, 300_000);

  test('the same import again loads nothing, and leaves the mirrors alone', async () => {
    const { context, loaded } = host(nowhere);
    await importAll(context, exported);
    const mirror = join(context.cacheDir, 'mirrors/owner+carried.git/packed-refs');
    const before = statSync(mirror).mtimeMs;
    const times = loaded.length;
    await importAll(context, exported);
    expect(loaded).toHaveLength(times);
    expect(statSync(mirror).mtimeMs).toBe(before);
  }, 120_000);

  test('a mirror that lacks commits and tags is given them, and keeps what it has', async () => {
    const { context } = host(nowhere);
    const mirror = join(context.cacheDir, 'mirrors/owner+carried.git');
    git(tmpdir(), 'init', '-q', '--bare', mirror);
    git(short.dir, 'push', '-q', mirror, 'v1^{commit}:refs/heads/own');
    await importFiles({ context, folder: exported });
    expect(git(mirror, 'for-each-ref', '--format=%(refname)').split('\n')).toEqual([
      `refs/heads/${short.base}`,
      'refs/heads/own',
      'refs/tags/v1',
    ]);
    expect(git(mirror, 'cat-file', '-t', short.base)).toBe('commit');
  });

  test('an image that comes out otherwise is told with its first other layer', async () => {
    const { context } = host(nowhere);
    const index = await importFiles({ context, folder: exported });
    const [instance] = index.instances;
    if (instance === undefined) throw new Error('no instance');
    const other = `sha256:${'0'.repeat(64)}`;
    const wanted = { ...instance, id: other, layers: [...instance.layers.slice(0, -1), other] };
    const made = await withExport({ context, folder: exported }, index, (building) =>
      importInstance(building, wanted),
    );
    const count = instance.layers.length;
    expect(made.difference).toBe(
      `layer ${count} of ${count} is ${instance.layers.at(-1)} instead of ${other}`,
    );
  });

  test('a complete export is not made twice, and not replaced by one of other instances', async () => {
    const { context } = host(here);
    const options = { context, folder: exported, overwrite: false, howToBuild };
    const before = statSync(join(exported, 'index.json')).mtimeMs;
    expect(await exportImages({ ...options, instances })).toEqual({ index: first.index, isNew: false });
    await expect(exportImages({ ...options, instances: instances.slice(1) })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('holds an export of other instances (3)'),
    });
    expect(statSync(join(exported, 'index.json')).mtimeMs).toBe(before);
  });

  test('an export made anew has the same bytes', async () => {
    const copy = folder();
    cpSync(exported, copy, { recursive: true });
    const { context } = host(here);
    const again = await exportImages({ context, instances, folder: copy, overwrite: true, howToBuild });
    expect(again.index).toEqual(first.index);
  }, 120_000);

  test('damaged and missing files are named, and nothing is loaded', async () => {
    const copy = folder();
    cpSync(exported, copy, { recursive: true });
    const bytes = readFileSync(join(copy, 'images.tar.br'));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(copy, 'images.tar.br'), bytes);
    writeFileSync(join(copy, 'repositories/owner+long.refs'), '');
    rmSync(join(copy, 'repositories/owner+carried.pack.br'));
    const { context, loaded } = host(nowhere);
    await expect(importFiles({ context, folder: copy })).rejects.toMatchObject({
      code: 'bad_export',
      message: expect.stringMatching(
        /images\.tar\.br: sha256 .*; repositories\/owner\+carried\.pack\.br: missing; repositories\/owner\+long\.refs: 0 bytes instead of \d+/,
      ),
    });
    expect(loaded).toEqual([]);
    expect(existsSync(context.cacheDir)).toBe(false);
  });

  test('an index that breaks the schema is refused with the field', async () => {
    const copy = folder();
    const { context } = host(nowhere);
    const write = (change: (index: ExportIndex) => unknown) =>
      writeFileSync(join(copy, 'index.json'), JSON.stringify(change(structuredClone(first.index))));
    const refusal = (field: string) => ({ code: 'bad_export', message: expect.stringContaining(field) });
    write((index) => {
      const [instance] = index.instances;
      return { ...index, instances: [{ ...instance, recipe: { ...instance?.recipe, workdir: 'testbed' } }] };
    });
    await expect(importFiles({ context, folder: copy })).rejects.toMatchObject(
      refusal('instances/0/recipe/workdir'.replaceAll('/', '.')),
    );
    write((index) => ({ ...index, files: [{ ...index.files[0], name: '../../etc/passwd' }] }));
    await expect(importFiles({ context, folder: copy })).rejects.toMatchObject(refusal('files.0.name'));
    write((index) => ({ ...index, schemaVersion: 2 }));
    await expect(importFiles({ context, folder: copy })).rejects.toMatchObject(refusal('schemaVersion'));
    rmSync(join(copy, 'index.json'));
    await expect(importFiles({ context, folder: copy })).rejects.toMatchObject(refusal('has no index.json'));
  });

  test('a base whose name stands for another image here is not replaced', async () => {
    const copy = folder();
    cpSync(exported, copy, { recursive: true });
    const id = `sha256:${'1'.repeat(64)}`;
    const bases = first.index.bases.map((entry) => ({ ...entry, id }));
    writeFileSync(join(copy, 'index.json'), JSON.stringify({ ...first.index, bases }));
    const { context, loaded } = host(nowhere);
    await expect(importFiles({ context, folder: copy })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(`${image} is another image here`),
    });
    expect(loaded).toEqual([]);
  });

  test('instances without an image, or with one that is not what the recipe asks for, are refused by name', async () => {
    const { context } = host(here);
    const to = folder();
    const options = { context, folder: to, overwrite: false, howToBuild };
    const [one, two] = instances as [ExportInstance, ExportInstance];
    const absent = instanceOf('never-built', REPO, short.base);
    await expect(exportImages({ ...options, instances: [one, absent] })).rejects.toMatchObject({
      code: 'image_missing',
      message: expect.stringContaining('1 of 2 images are not built'),
      detail: 'build never-built',
    });
    const changed = { ...two, recipe: { ...two.recipe, install: ['true'] } };
    await expect(exportImages({ ...options, instances: [one, changed] })).rejects.toMatchObject({
      code: 'image_missing',
      detail: 'build carried-2',
    });
    expect(readdirSync(to)).toEqual([]);
    expect((await engine.images.inspect(built[1]?.ref ?? '', never))?.id).toBe(built[1]?.id);
  }, 120_000);
});
