import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSandbox } from '../../plugins/agent/sandbox.js';
import { type Bench, makeBench, usableIsolations } from '../engine/local/sandbox-helpers.js';
import { testClock } from '../helpers/jobs.js';
import { forever, run } from './session-helpers.js';

const [isolation = 'auto'] = await usableIsolations();

describe('the diff of an episode', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await makeBench(isolation);
    await bench.importSample();
  });
  afterAll(() => bench.remove());

  /** Runs commands as an episode does; the diff, the output of the last command, and what is found after that. */
  async function diffAfter(commands: readonly string[], after = ':') {
    const container = await bench.start();
    try {
      const options = { workdir: '/testbed', activation: '', clock: testClock(), signal: forever };
      const sandbox = await openSandbox(container, options);
      let output = '';
      for (const command of commands) output = (await run(sandbox.session, command)).output;
      await sandbox.session.close();
      const diff = await sandbox.diff(forever);
      let found = '';
      await container.exec({
        argv: ['bash', '-c', after],
        workdir: '/testbed',
        signal: forever,
        onOutput: (chunk) => {
          found += Buffer.from(chunk).toString('latin1');
        },
      });
      return { diff, output, found };
    } finally {
      await container.destroy();
    }
  }

  /** The files of the untouched tree with the diff applied, by name; bytes as Latin-1. */
  function applied(diff: string | null): Readonly<Record<string, string>> {
    if (diff === null) throw new Error('no diff');
    const tree = mkdtempSync(join(tmpdir(), 'assay-diff-'));
    try {
      cpSync(bench.tree, tree, { recursive: true });
      if (diff !== '') execFileSync('git', ['apply', '--whitespace=nowarn', '-'], { cwd: tree, input: diff });
      const names = readdirSync(tree, { recursive: true, encoding: 'utf8' });
      const files = names.filter((name) => statSync(join(tree, name)).isFile()).sort();
      return Object.fromEntries(files.map((name) => [name, readFileSync(join(tree, name), 'latin1')]));
    } finally {
      rmSync(tree, { recursive: true, force: true });
    }
  }

  const UNTOUCHED = { README: 'a sample\n', 'lib/sum.js': 'exports.sum = (a, b) => a - b;\n' };

  test('of an untouched tree is empty', async () => {
    expect((await diffAfter([])).diff).toBe('');
    expect((await diffAfter(['ls', 'cat README'])).diff).toBe('');
  });

  test.each<[string, readonly string[], Readonly<Record<string, string>>]>([
    ['a changed file', ["sed -i 's/-/+/' lib/sum.js"], { 'lib/sum.js': 'exports.sum = (a, b) => a + b;\n' }],
    ['a new file in a new folder', ['mkdir -p x/y', 'echo new > "x/y/a b.txt"'], { 'x/y/a b.txt': 'new\n' }],
    ['a file without a last newline', ['printf end > e'], { e: 'end' }],
    ['an empty file', ['touch e'], { e: '' }],
    ['a name with a newline', ["echo 1 > $'a\\nb'"], { 'a\nb': '1\n' }],
    ['a name in another script', ['echo 1 > größe'], { größe: '1\n' }],
    ['binary data', ["printf '\\0\\1\\377' > b.bin"], { 'b.bin': '\0\x01\xff' }],
    ['text in Latin-1', ["printf 'gr\\374n\\n' > l.txt"], { 'l.txt': 'gr\xfcn\n' }],
    ['line endings of Windows', ["printf 'a\\r\\nb\\r\\n' > w.txt"], { 'w.txt': 'a\r\nb\r\n' }],
    ['what it has staged', ['echo 1 > s', 'git add s', 'echo 2 >> s'], { s: '1\n2\n' }],
    [
      'what it has committed',
      [
        'echo 1 > c',
        'git -c user.name=a -c user.email=a@b add -A',
        'git -c user.name=a -c user.email=a@b commit -qm c',
      ],
      { c: '1\n' },
    ],
    ['what it did on a branch of its own', ['git checkout -qb mine', 'echo 1 > c'], { c: '1\n' }],
    ['what it did in another folder', ['cd lib', 'echo 1 > c'], { 'lib/c': '1\n' }],
    ['a tree whose index is locked by a killed git', ['echo 1 > c', 'touch .git/index.lock'], { c: '1\n' }],
    ['a tree whose index is damaged', ['echo 1 > c', 'echo x > .git/index'], { c: '1\n' }],
    ['a tree whose index is gone', ['echo 1 > c', 'rm .git/index'], { c: '1\n' }],
    [
      'a merge with conflicts that were not resolved',
      [
        'git config user.name a; git config user.email a@b',
        'git checkout -qb one; echo one > README; git commit -qam one',
        'git checkout -qb two HEAD~; echo two > README; git commit -qam two',
        'git merge one >/dev/null; echo "both" > README; echo 1 > c',
      ],
      { README: 'both\n', c: '1\n' },
    ],
    [
      'settings of git that change how a diff is written',
      [
        'git config diff.noprefix true; git config diff.context 0; git config diff.mnemonicPrefix true',
        'git config color.ui always; git config diff.external false; git config core.pager false',
        'git config diff.relative true; git config core.autocrlf true; git config diff.interHunkContext 9',
        "git config core.attributesFile /testbed/attributes; printf 'a\\r\\nb\\r\\n' > w.txt",
        'git config apply.whitespace fix; git config diff.orderFile none; git config core.safecrlf true',
        "sed -i 's/-/+/' lib/sum.js; git config status.showUntrackedFiles no",
      ],
      { 'lib/sum.js': 'exports.sum = (a, b) => a + b;\n', 'w.txt': 'a\r\nb\r\n' },
    ],
    [
      'a file that is hidden from git',
      ['git update-index --assume-unchanged README', 'echo 1 > README'],
      { README: '1\n' },
    ],
  ])('holds %s', async (_, commands, changes) => {
    const { diff } = await diffAfter(commands);
    expect(applied(diff)).toMatchObject({ ...UNTOUCHED, ...changes });
  });

  test('holds that a file was removed, renamed, or made executable', async () => {
    const { diff } = await diffAfter(['rm README', 'git mv lib/sum.js lib/add.js', 'echo 1 > x; chmod +x x']);
    expect(applied(diff)).toEqual({ 'lib/add.js': UNTOUCHED['lib/sum.js'], x: '1\n' });
    expect(diff).toContain('new file mode 100755');
  });

  test('leaves out what the repository ignores, unless the episode added it', async () => {
    const { diff } = await diffAfter([
      "echo '*.tmp' > .gitignore",
      'echo 1 > a.tmp; echo 1 > b; echo 1 > "c *.tmp"; echo 1 > d.tmp',
      'git add -f "c *.tmp" d.tmp; rm d.tmp',
    ]);
    expect(applied(diff)).toEqual({ ...UNTOUCHED, '.gitignore': '*.tmp\n', b: '1\n', 'c *.tmp': '1\n' });
  });

  test.each([
    ['the history is gone', ['rm -rf .git']],
    [
      'the history is a new one',
      ['rm -rf .git; git init -q .; git add -A; git -c user.name=a -c user.email=a@b commit -qm x'],
    ],
    ['it is larger than 10 MiB', ['head -c 15000000 /dev/urandom > big']],
    ['it is text larger than 10 MiB', ['yes text | head -c 11000000 > big']],
  ])('is none where %s', async (_, commands) => {
    expect((await diffAfter(commands)).diff).toBeNull();
  });

  test('holds nothing that a background process writes after the end', async () => {
    const { diff, found } = await diffAfter(
      ['(sleep 1; echo late > late) & disown', 'echo 1 > a'],
      'sleep 1.2; ls',
    );
    expect(applied(diff)).toEqual({ ...UNTOUCHED, a: '1\n' });
    expect(found).not.toContain('late');
  });
});
