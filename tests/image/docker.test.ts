import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ImageInfo } from '../../src/engine/engine.js';
import type { BuildContext } from '../../src/image/build-context.js';
import { environmentTag } from '../../src/image/environment.js';
import { instanceImage, instanceTag } from '../../src/image/instance.js';
import type { ImageRecipe } from '../../src/model/eval-spec.js';
import { describeWithDocker } from '../helpers/docker.js';
import { buildSetting } from './context.js';
import { git, longRepository } from './git-repo.js';
import { bashIn, entriesOfLayers, removeImages } from './real-images.js';

const never = new AbortController().signal;
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nonly for the build\n-----END CERTIFICATE-----\n';

/** What an install does to a tree and to the rest of the file system. */
const INSTALL = [
  "sed -i 's/name = project/name = renamed/' setup.cfg",
  'chmod +x counter.txt',
  'rm README.md',
  'rm -rf turns',
  'rm -rf becomes; echo "a file again" >becomes',
  'ln -sf counter.txt link',
  'mkdir -p build/deep; echo built >build/deep/größe.txt; ln build/deep/größe.txt build/hard; ln -s deep build/soft',
  'chmod 750 build/deep; echo tool >build/tool; chmod 4755 build/tool; touch "build/a b"; printf x >"build/$(printf "%0150d" 1)"',
  'mkdir src/__pycache__ /opt/product; touch src/__pycache__/part1.pyc src/part2.pyc /opt/product/x.pyc; echo product >/opt/product/file; mkdir /srv/__pycache__; touch /srv/__pycache__/x.pyc',
  'mkdir -p /root/.cache/pip /var/cache/own; touch /root/.cache/pip/c /var/cache/own/c /var/log/own.log /tmp/own',
  'test "$(ls -A /etc/skel)"; rm -rf /etc/skel; mkdir /etc/skel; echo new >/etc/skel/new',
  'test -f /.assay/ca.pem',
];

await describeWithDocker('images of a repository in a real Docker engine', ({ engine, image }) => {
  const { dir, base: commit } = longRepository();
  const name = `test-${process.pid}-build`;
  const environment = { reference: name, systemPackages: [], pythonPackages: [] };
  const recipe: ImageRecipe = {
    name,
    source: { kind: 'git', repo: 'test/project', commit },
    workdir: '/testbed',
    environment,
    preInstall: ['echo before >>counter.txt'],
    install: INSTALL,
    checks: ['test -e build/tool', 'grep -q renamed setup.cfg'],
  };
  let base: ImageInfo;
  let built: ImageInfo;
  const settings: ReturnType<typeof buildSetting>[] = [];
  const setting = (changes: Partial<BuildContext> = {}, store?: string, mirror = dir) => {
    const made = buildSetting({
      engine,
      base,
      mirror,
      store,
      changes: { certificates: CERTIFICATE, ...changes },
    });
    settings.push(made);
    return made;
  };
  const clean = () => removeImages(engine, environment, 'test/project');

  beforeAll(async () => {
    base = (await engine.images.inspect(image, never)) as ImageInfo;
    await clean();
    built = await instanceImage(setting().context, recipe);
  });
  afterAll(async () => {
    await clean();
    for (const { remove } of settings) remove();
    rmSync(dir, { recursive: true, force: true });
    await engine.close();
  });
  const bash = (script: string, ref = built.ref) => bashIn(engine, ref, script);

  test('are the base, the environment, a layer for each 1024 commits, and one of their own', async () => {
    const env = await engine.images.inspect(environmentTag(environment), never);
    expect(env?.layers).toEqual([...base.layers, expect.stringMatching(/^sha256:/)]);
    expect(built.layers.slice(0, -3)).toEqual(env?.layers);
    expect(built.ref).toBe(instanceTag(name));
    expect(built.labels).toMatchObject({
      'assay.image.kind': 'instance',
      'assay.image.repo': 'test/project',
      'assay.image.commit': commit,
    });
    expect(built.config).toMatchObject({ workdir: '/testbed', cmd: base.config.cmd });
    expect(built.config.env).toEqual([...base.config.env, 'TZ=Etc/UTC']);
  });

  test('have a clean status, and the base commit below a commit of what the install changed', async () => {
    expect(await bash('git status --porcelain')).toBe('?? becomes\n?? build/');
    expect(await bash('git rev-parse HEAD^; git log -1 --format="%s|%an <%ae>|%ct"')).toBe(
      `${commit}\nSWE-bench|SWE-bench <setup@swebench.config>|${git(dir, 'show', '-s', '--format=%ct', commit)}`,
    );
    expect(await bash('git diff --no-renames --raw HEAD^ HEAD | cut -d" " -f1,2,5')).toBe(
      [
        ':100644 000000 D\tREADME.md',
        ':100644 000000 D\tbecomes/a/folder',
        ':100644 100755 M\tcounter.txt',
        ':120000 120000 M\tlink',
        ':100644 100644 M\tsetup.cfg',
        ':100644 000000 D\tturns/back',
      ].join('\n'),
    );
    expect(
      await bash(
        'tail -1 counter.txt; cat setup.cfg becomes; readlink link; ls -d README.md turns 2>&1 | wc -l',
      ),
    ).toBe('before\n[metadata]\nname = renamed\na file again\ncounter.txt\n2');
  });

  test('have the whole past and nothing else, and describe themselves', async () => {
    expect(
      await bash('git rev-list --count --all; git describe --tags; git branch -a; git remote; git reflog'),
    ).toBe(`2101\nold-release-1901-g${await bash('git rev-parse --short HEAD')}\n* main`);
    const own = (await bash('git rev-list --objects HEAD ^HEAD^')).split('\n').length;
    expect(
      await bash(
        'git fsck --full --strict --unreachable 2>&1; git count-objects -v | grep -E "^(count|garbage)"',
      ),
    ).toBe(`count: ${own}\ngarbage: 0`);
  });

  test('have the files of the base commit as git has them, through all layers', async () => {
    const { context } = setting({}, settings[0]?.store);
    const plain = { ...recipe, name: `${name}-plain`, preInstall: [], install: [], checks: [] };
    const { ref } = await instanceImage(context, plain);
    const listed = git(dir, 'ls-tree', '-r', commit).split('\n');
    expect(listed.length).toBeGreaterThan(40);
    expect(
      await bash(
        'git status --porcelain; git rev-parse HEAD^; git diff HEAD^ HEAD; git ls-tree -r HEAD',
        ref,
      ),
    ).toBe([commit, ...listed].join('\n'));
    expect(
      await bash(
        'find . -path ./.git -prune -o ! -type d -printf "%y %m\\n" | sort | uniq -c | sed "s/^ *//"',
        ref,
      ),
    ).toBe(`${listed.length - 1} f 644\n1 l 777`);
  });

  test('have what the install built, with modes and links, uncommitted', async () => {
    expect(await bash('cat build/hard build/soft/größe.txt build/deep/größe.txt; ls -A build | wc -l')).toBe(
      'built\nbuilt\nbuilt\n6',
    );
    expect(
      await bash(
        'stat -c "%a %U %n" build/deep build/tool . src src/part1.py counter.txt tool.sh build /opt/product /opt/product/file',
      ),
    ).toBe(
      [
        '750 root build/deep',
        '4755 root build/tool',
        '755 root .',
        '755 root src',
        '644 root src/part1.py',
        '755 root counter.txt',
        '644 root tool.sh',
        '755 root build',
        '755 root /opt/product',
        '644 root /opt/product/file',
      ].join('\n'),
    );
    expect(await bash('ls -A /etc/skel')).toBe('new');
    expect(await bash('stat -c "%a %n" / /tmp /root /etc /var/log /usr/bin')).toBe(
      await bash('stat -c "%a %n" / /tmp /root /etc /var/log /usr/bin', image),
    );
  });

  test('have no byte code, temporary file, cache, log or certificate in any layer', async () => {
    const layers = await entriesOfLayers(engine, built, base.layers.length);
    expect(layers.map(({ diffId }) => diffId)).toEqual(built.layers.slice(base.layers.length));
    const paths = layers.flatMap(({ entries }) => entries.map(({ path }) => path));
    expect(paths).toContain('opt/product/file');
    expect(paths).toContain('testbed/src/part1.py');
    // Whether a folder has changed by byte code alone depends on what was warm.
    expect(paths).not.toContain('srv');
    const unwanted =
      /(^|\/)(__pycache__|[^/]*\.pyc)(\/|$)|^(\.assay|tmp|proc|sys|dev|run|root\/\.cache|var\/(cache|log|tmp))(\/|$)|^etc\/(hosts|hostname|resolv\.conf)$/;
    expect(paths.filter((path) => unwanted.test(path))).toEqual([]);
    for (const { entries } of layers)
      for (const { content } of entries) expect(content.includes('only for the build')).toBe(false);
  });

  test('are not built again, in any store', async () => {
    for (const { context, loaded } of [setting(), settings[0] as (typeof settings)[0]]) {
      loaded.length = 0;
      expect(await instanceImage(context, recipe)).toEqual(built);
      expect(loaded).toEqual([]);
    }
  });

  test('of one environment share all layers but one', async () => {
    const { context, loaded } = setting({}, settings[0]?.store);
    const other = await instanceImage(context, {
      ...recipe,
      name: `${name}-other`,
      source: { kind: 'git', repo: 'test/project', commit: git(dir, 'rev-parse', `${commit}~30`) },
      install: [],
      checks: [],
    });
    expect(loaded).toHaveLength(1);
    expect(other.layers.slice(0, -1)).toEqual(built.layers.slice(0, -1));
    expect(other.layers.at(-1)).not.toBe(built.layers.at(-1));
    expect(
      await bash(
        'git status --porcelain; git rev-list --count HEAD; tail -1 counter.txt; cat turns',
        other.ref,
      ),
    ).toBe('2071\nbefore\nfile');
  });

  test('of a commit with no history layers below are one layer on the environment', async () => {
    const early = git(dir, 'rev-list', '--max-parents=0', commit);
    const { context } = setting();
    const other = await instanceImage(context, {
      ...recipe,
      name: `${name}-early`,
      source: { kind: 'git', repo: 'test/project', commit: early },
      preInstall: ['rm turns/into/file README.md; rm -rf old docs; mkdir docs; touch docs/new'],
      install: [],
      checks: [],
    });
    expect(other.layers).toHaveLength(base.layers.length + 2);
    expect(
      await bash(
        'git status --porcelain; git ls-files; find . -path ./.git -prune -o -print | LC_ALL=C sort',
        other.ref,
      ),
    ).toBe(
      '?? docs/\nbecomes\ncounter.txt\nlink\nsetup.cfg\nsrc/part1.py\ntool.sh\n.\n./becomes\n./counter.txt\n./docs\n./docs/new\n./link\n./setup.cfg\n./src\n./src/part1.py\n./tool.sh\n./turns\n./turns/into',
    );
  });

  test('leave nothing behind but packs, logs and lock files', async () => {
    const [first] = settings as [ReturnType<typeof buildSetting>];
    const { cacheDir, locksDir } = first.context;
    expect(readdirSync(cacheDir).sort()).toEqual(['build-locks', 'build-logs', 'packs', 'work']);
    expect(readdirSync(join(cacheDir, 'work'))).toEqual([]);
    expect(readdirSync(join(cacheDir, 'build-locks'))).toEqual([]);
    expect(readFileSync(join(cacheDir, 'build-logs', `assay.eval.${name}.log`), 'utf8')).toContain(
      '+ rm README.md',
    );
    expect(readdirSync(locksDir)).toHaveLength(1);
    expect(await engine.containers.reap({ 'assay.test': 'image' }, () => true)).toEqual([]);
  });
});

await describeWithDocker('a recipe', ({ engine, image }) => {
  const { dir, base: commit } = longRepository();
  const name = `test-${process.pid}-again`;
  const environment = { reference: name, systemPackages: [], pythonPackages: [] };
  const recipe: ImageRecipe = {
    name,
    source: { kind: 'git', repo: 'test/project', commit },
    workdir: '/testbed',
    environment,
    preInstall: ['echo fixed >>setup.cfg'],
    install: INSTALL.slice(0, -1),
    checks: [],
  };
  let base: ImageInfo;
  const folders: string[] = [dir];
  const clean = () => removeImages(engine, environment, 'test/project');
  const setting = (mirror: string, store?: string) => {
    const made = buildSetting({ engine, base, mirror, store });
    folders.push(made.store);
    return made;
  };

  beforeAll(async () => {
    base = (await engine.images.inspect(image, never)) as ImageInfo;
    await clean();
  });
  afterAll(async () => {
    await clean();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    await engine.close();
  });

  test('gives the same layers and the same image on two clean stores, from mirrors that are packed differently', async () => {
    const one = await instanceImage(setting(dir).context, recipe);
    await clean();
    expect(await engine.images.inspect(one.ref, never)).toBeUndefined();
    const clone = mkdtempSync(join(tmpdir(), 'assay-repo-'));
    folders.push(clone);
    git(clone, 'clone', '-q', '--mirror', `file://${dir}`, '.');
    git(clone, 'repack', '-q', '-adf', '--depth=200', '--window=30');
    git(clone, 'commit-graph', 'write', '--reachable');
    const other = await instanceImage(setting(clone).context, recipe);
    expect(other.layers).toEqual(one.layers);
    expect(other.id).toBe(one.id);
  });

  test('is built once by two that want it at once', async () => {
    await clean();
    const first = setting(dir);
    const second = setting(dir, first.store);
    const [one, other] = await Promise.all([
      instanceImage(first.context, recipe),
      instanceImage(second.context, recipe),
    ]);
    expect(other).toEqual(one);
    expect([...first.loaded, ...second.loaded]).toHaveLength(3);
    expect(
      [...first.log, ...second.log].filter((line) => line.includes('history layers to make')),
    ).toHaveLength(1);
    expect([...first.log, ...second.log].filter((line) => line === '+ rm README.md')).toHaveLength(1);
  });

  test('whose install fails tags nothing, names the command, and is built when it is mended', async () => {
    await clean();
    const { context, store } = setting(dir);
    const broken = { ...recipe, install: ['echo the last words; ls /no/such/folder'] };
    await expect(instanceImage(context, broken)).rejects.toMatchObject({
      code: 'image_build_failed',
      message: `building ${instanceTag(name)}: \`ls /no/such/folder\` ended with code 2 (build log: ${join(store, 'cache/build-logs', `assay.eval.${name}.log`)})`,
      detail: expect.stringContaining("ls: cannot access '/no/such/folder'"),
    });
    expect(await engine.images.inspect(instanceTag(name), never)).toBeUndefined();
    expect(readdirSync(join(store, 'cache/work'))).toEqual([]);
    expect(await engine.containers.reap({ 'assay.test': 'image' }, () => true)).toEqual([]);
    expect((await instanceImage(context, recipe)).ref).toBe(instanceTag(name));
  });
});
