import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ImageInfo } from '../../src/engine/engine.js';
import { instanceImage } from '../../src/image/instance.js';
import type { ImageRecipe } from '../../src/model/eval-spec.js';
import { describeWithDocker } from '../helpers/docker.js';
import { buildSetting } from './context.js';
import { git, gitAt, longRepository } from './git-repo.js';
import { bashIn, entriesOfLayers, removeImages } from './real-images.js';

const never = new AbortController().signal;
const SUBJECT = 'Mend the frobnication of zygotes';
const LINE = '    return frobnicate(zygote, quux=True)  # mended';
const EMAIL = 'gold.author@future.example';
const LATER = '2030-01-01T00:00:00Z';

/** A long repository that knows the answer in every way in which git can know something. */
function repositoryWithAnswer() {
  const { dir, base } = longRepository();
  const later = (...args: string[]) => gitAt(LATER, dir, ...args);
  const write = (text: string) => writeFileSync(join(dir, 'src/part1.py'), text);
  // A tag of the past that was moved to the answer, and one that was made later on an old commit.
  git(dir, 'tag', 'stable-moved', `${base}~50`);
  write(`def mend():\n${LINE}\n`);
  later('commit', '-q', '-a', '-m', `${SUBJECT}\n\nThe long story of it.`, `--author=Gold <${EMAIL}>`);
  const gold = git(dir, 'rev-parse', 'HEAD');
  const objects = git(dir, 'rev-list', '--objects', '--no-object-names', gold, `^${base}`).split('\n');
  later('tag', '-f', 'stable-moved', gold);
  later('tag', '-a', 'release-with-answer', '-m', SUBJECT, gold);
  later('tag', '-a', 'looking-back', '-m', `before ${SUBJECT}`, `${base}~10`);
  later('branch', 'fix/zygotes', gold);
  later('notes', 'add', '-m', `the answer: ${LINE}`, base);
  // The answer is taken back, and in the stash; an amended one is in the reflog alone.
  later('revert', '--no-edit', gold);
  write(`${LINE} of the stash\n`);
  later('stash', 'push', '-q', '-m', SUBJECT);
  write(`${LINE} of the reflog\n`);
  later('commit', '-q', '-a', '-m', `${SUBJECT} once more`);
  later('reset', '-q', '--hard', 'HEAD~1');
  later('checkout', '-q', '-b', 'working');
  later('replace', `${base}~3`, gold);
  const names = ['stable-moved', 'release-with-answer', 'looking-back', 'fix/zygotes'];
  return { dir, base, gold, objects, needles: [SUBJECT, LINE, EMAIL, ...names] };
}

/** Looks for needles in every way that git and the file system of a container offer; one line for each way that found something. */
const PROBES = `
printf %s "$NEEDLES" >/dev/shm/needles # a file system of its own: no part of what is searched
look() { # name, command: what it says must not hold a needle
  local found; found=$("\${@:2}" 2>/dev/null | grep -aF -m1 -f /dev/shm/needles | cut -c1-200 | tr -d '\\0')
  [ -z "$found" ] || echo "$1: $found"
}
none() { # name, command: it must say nothing
  local found; found=$("\${@:2}" 2>/dev/null | head -1)
  [ -z "$found" ] || echo "$1: $found"
}
look log git log --all --reflog -p --format='%H %s %b %an %ae %cn %ce %D %N'
look objects bash -c 'git cat-file --batch-all-objects --batch'
look names git cat-file --batch-all-objects --batch-check='%(objectname)'
look revisions git rev-list --all --objects
look refs git for-each-ref
look packed-refs cat .git/packed-refs
look files bash -c 'find / -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -type f -print0 | xargs -0 grep -aFH -f /dev/shm/needles'
look paths find / -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -print
look links find / -xdev -type l -printf '%l\\n'
none reflog git reflog show --all
none stash git stash list
none notes git notes list
none remotes git remote
none unreachable git fsck --full --unreachable --dangling --no-reflogs --lost-found
none replaced git replace -l
none loose bash -c 'cd .git/objects; ls -d ??/* | tr -d / | grep -vxF -f <(git rev-list --objects --no-object-names HEAD)'
none logs find .git -path '*logs*' -type f
none alternates cat .git/objects/info/alternates
none byte-code find / -xdev -name '*.pyc' -newermt 2019-12-31 ! -newermt 2020-01-02
all=$(git cat-file --batch-all-objects --batch-check='%(objectname)' | sort -u | wc -l)
past=$(git rev-list --objects HEAD --tags --no-object-names | sort -u | wc -l)
[ "$all" = "$past" ] || echo "count: $all objects, $past of the past"
for commit in $GOLD \${GOLD:0:12} \${GOLD:0:7}; do none "$commit" git rev-parse --verify -q "$commit^{object}"; done
`;

await describeWithDocker('the answer to an instance', ({ engine, image }) => {
  const { dir, base: commit, gold, objects, needles } = repositoryWithAnswer();
  const name = `test-${process.pid}-leak`;
  const environment = { reference: name, systemPackages: [], pythonPackages: [] };
  const recipe = (changes: Partial<ImageRecipe> & { readonly commit: string }): ImageRecipe => ({
    name,
    source: { kind: 'git', repo: 'test/leak', commit: changes.commit },
    workdir: '/testbed',
    environment,
    preInstall: [],
    install: ['echo installed >>setup.cfg', 'git log -1 >/opt/version'],
    checks: [],
    ...changes,
  });
  // As a name in full and cut short; raw bytes are looked for in layers.
  const hashes = [gold, ...objects].flatMap((object) => [object, object.slice(0, 12)]);
  const env = { NEEDLES: [...needles, ...hashes].join('\n'), GOLD: gold };
  const folders: string[] = [dir];
  let base: ImageInfo;
  let built: ImageInfo;
  const build = async (wanted: ImageRecipe, mirror: string) => {
    const { context, store } = buildSetting({ engine, base, mirror });
    folders.push(store);
    return instanceImage(context, wanted);
  };
  const clean = () => removeImages(engine, environment, 'test/leak');

  /** Needles in the raw layers of an image: in names, links and contents, as text or bytes, and in what git's packs hold. */
  async function findInLayers(made: ImageInfo): Promise<readonly string[]> {
    const repository = mkdtempSync(join(tmpdir(), 'assay-packs-'));
    folders.push(repository);
    git(repository, 'init', '-q', '--bare');
    mkdirSync(join(repository, 'objects/pack'), { recursive: true });
    const wanted = [
      ...[...needles, ...hashes].map((text) => [text, Buffer.from(text)] as const),
      ...[gold, ...objects].map((object) => [`${object} as bytes`, Buffer.from(object, 'hex')] as const),
    ];
    const found = new Set<string>();
    const look = (where: string, bytes: Uint8Array) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (const [what, needle] of wanted) if (text.includes(needle)) found.add(`${where}: ${what}`);
    };
    const layers = await entriesOfLayers(engine, made, base.layers.length);
    for (const { tar, entries } of layers) {
      look('a layer', tar);
      for (const { path, target, content } of entries) {
        look(path, content);
        look('a name', Buffer.from(`${path}\n${target}`));
        if (path.includes('/objects/pack/'))
          writeFileSync(join(repository, 'objects/pack', basename(path)), content);
      }
    }
    expect(layers.length).toBe(made.layers.length - base.layers.length);
    const all = execFileSync('git', ['-C', repository, 'cat-file', '--batch-all-objects', '--batch'], {
      maxBuffer: 2 ** 30,
    });
    expect(all.includes('change 2000')).toBe(true);
    look('an object', all);
    return [...found];
  }

  beforeAll(async () => {
    base = (await engine.images.inspect(image, never)) as ImageInfo;
    await clean();
    built = await build(recipe({ commit }), dir);
  });
  afterAll(async () => {
    await clean();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    await engine.close();
  });

  test('is nowhere in its image', async () => {
    expect(built.layers).toHaveLength(base.layers.length + 4);
    expect(await bashIn(engine, built.ref, PROBES, env)).toBe('');
    // That was a look at a repository in order.
    expect(
      await bashIn(engine, built.ref, 'git rev-list --count HEAD; git tag; git status --porcelain'),
    ).toBe('2101\nold-release');
  });

  test('is nowhere in the raw layers of its image, also where upper ones hide it', async () => {
    expect(await findInLayers(built)).toEqual([]);
  });

  test('is nowhere in the image, its labels or its history as the engine knows them', async () => {
    const known = JSON.stringify(await engine.images.inspect(built.ref, never));
    for (const needle of [...needles, ...hashes]) expect(known).not.toContain(needle);
  });

  test('is nowhere in the image that is made from a mirror of everything', async () => {
    const mirror = mkdtempSync(join(tmpdir(), 'assay-repo-'));
    folders.push(mirror);
    git(mirror, 'clone', '-q', '--mirror', dir, '.');
    expect(git(mirror, 'for-each-ref', '--format=%(refname)')).toContain('refs/notes/commits');
    const again = await build(recipe({ commit, name: `${name}-mirror` }), mirror);
    expect(again.layers.slice(0, -1)).toEqual(built.layers.slice(0, -1));
    expect(await bashIn(engine, again.ref, PROBES, env)).toBe('');
  });

  test('is found by the same looks where it is: in the image of its own commit', async () => {
    const planted = await build(recipe({ commit: gold, name: `${name}-gold` }), dir);
    const lines = (await bashIn(engine, planted.ref, PROBES, env))
      .split('\n')
      .map((line) => line.split(':')[0]);
    for (const way of [
      'log',
      'objects',
      'names',
      'revisions',
      'refs',
      'packed-refs',
      'files',
      gold,
      gold.slice(0, 7),
    ])
      expect(lines).toContain(way);
    const found = await findInLayers(planted);
    for (const what of [SUBJECT, LINE, EMAIL, gold, gold.slice(0, 12), 'release-with-answer'])
      expect(found.some((line) => line.endsWith(`: ${what}`))).toBe(true);
    expect(found).toContain(`testbed/src/part1.py: ${LINE}`);
    expect(
      found.some((line) => line.startsWith('testbed/.git/objects/pack/') && line.endsWith('as bytes')),
    ).toBe(true);
  });

  test.each([
    ['a file in a home folder', 'files', `mkdir -p /root/.cache; printf %s "$SUBJECT" >/root/.cache/notes`],
    ['a file of a build', 'files', `mkdir /.assay; printf %s $GOLD >/.assay/list`],
    ['a file name', 'paths', `touch "/tmp/$SUBJECT"`],
    ['a link', 'links', `ln -s "$SUBJECT" /opt/link`],
    ['a tag', 'refs', 'git tag stable-moved HEAD'],
    ['a branch', 'packed-refs', 'git branch fix/zygotes; git pack-refs --all'],
    ['a commit that is on no branch', 'unreachable', 'git commit-tree -m "$SUBJECT" HEAD^{tree}'],
    ['an object alone', 'loose', 'printf %s "$LINE" | git hash-object -w --stdin'],
    [
      'an object in a pack',
      'objects',
      'printf %s "$LINE" | git hash-object -w --stdin | git pack-objects -q .git/objects/pack/pack; git prune-packed',
    ],
    ['the reflog', 'reflog', 'git commit -q --allow-empty -m "$SUBJECT"; git reset -q --hard HEAD^'],
    ['a stash', 'stash', 'echo "$LINE" >>setup.cfg; git stash -q'],
    ['a note', 'notes', 'git notes add -m "$SUBJECT" HEAD'],
    ['a remote', 'remotes', 'git remote add origin /mirror'],
    ['a replaced object', 'replaced', 'git replace HEAD HEAD^'],
    [
      'another repository',
      'alternates',
      'mkdir /opt/objects; echo /opt/objects >.git/objects/info/alternates',
    ],
  ])('is found in %s', async (_, way, plant) => {
    const who = 'git config --global user.name t; git config --global user.email t@example.org';
    const variables = { ...env, SUBJECT, LINE };
    const found = await bashIn(
      engine,
      built.ref,
      `{ ${who}; ${plant}; } >/dev/null 2>&1\n${PROBES}`,
      variables,
    );
    expect(found.split('\n').map((line) => line.split(':')[0])).toContain(way);
  });
});
