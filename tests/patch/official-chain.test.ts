import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v4_1, v5 } from '../../benchmarks/swe-bench/profiles.js';
import { rebenchV2 } from '../../benchmarks/swe-rebench/profiles.js';

/** docs/predictions.md tells what becomes of such texts: here real git and GNU patch say it. */
const LINES = Array.from({ length: 20 }, (_, i) => `line ${i + 1}\n`).join('');
const hasPatch = spawnSync('sh', ['-c', 'patch --version']).status === 0;
/** Skipped where GNU patch isn't there: the chain's last command is patch. */
const withTools = hasPatch ? test : test.skip;

let folder: string;
let diff: string;
const sh = (command: string) => spawnSync('sh', ['-c', command], { cwd: folder }).status === 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'assay-chain-'));
  writeFileSync(join(folder, 'a.txt'), LINES);
  sh('git init -q && git add -A && git -c user.name=a -c user.email=a@b commit -qm x');
  writeFileSync(join(folder, 'a.txt'), LINES.replace('line 10\n', 'changed\n'));
  diff = execFileSync('git', ['diff'], { cwd: folder, encoding: 'utf8' });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The command that applied the text, each tried on a clean tree in which `before` was run, and the file it left. */
function apply(text: string, commands: readonly string[], before = 'true') {
  const file = join(folder, '.git', 'p.diff');
  writeFileSync(file, text);
  for (const command of commands) {
    sh(`git reset -q --hard && git clean -qfd && ${before}`);
    if (sh(command.replace('{patch}', `'${file}'`)))
      return { command: command.split(' {patch}')[0], content: readFileSync(join(folder, 'a.txt'), 'utf8') };
  }
  return { command: undefined, content: undefined };
}

const GIT = 'git apply --verbose';
const PATCH = /(^|; )patch --batch/;
/** Layers of an image keep neither inodes nor times of change, so that git has to look at the files again. */
const STALE = 'touch -d 2001-02-03 a.txt b.txt';

describe(`what the official chains make of a text${hasPatch ? '' : ' (skipped: GNU patch is not installed)'}`, () => {
  const kinds: [string, (d: string) => string, string | RegExp | undefined][] = [
    ['a clean diff', (d) => d, GIT],
    ['a fence', (d) => `\`\`\`diff\n${d}\`\`\``, GIT],
    ['a fence and prose', (d) => `Sure:\n\n\`\`\`diff\n${d}\`\`\`\nDone.\n`, GIT],
    ['a byte order mark', (d) => `\ufeff${d}`, GIT],
    ['NUL in an added line', (d) => d.replace('+changed', '+chan\0ged'), GIT],
    ['no final newline', (d) => d.slice(0, -1), PATCH],
    ['CRLF on a file with LF', (d) => d.replaceAll('\n', '\r\n'), PATCH],
    ['wrong line counts', (d) => d.replace('-7,7 +7,7', '-7,9 +7,9'), PATCH],
    ['white space alone', () => ' \n\n', undefined],
    ['prose alone', () => 'I could not fix it.\n', undefined],
    [
      'paths without a/ and b/',
      (d) => d.replaceAll('a/a.txt', 'a.txt').replaceAll('b/a.txt', 'a.txt'),
      undefined,
    ],
  ];
  withTools.each(kinds)('%s', (_what, make, expected) => {
    for (const { applyCommands } of [v5, v4_1]) {
      const { command, content } = apply(make(diff), applyCommands);
      if (expected === undefined) expect(command).toBeUndefined();
      else {
        expect(command).toMatch(expected);
        expect(content).toMatch(/line 9\nchan\0?ged\nline 11/);
      }
    }
  });

  test('v5: a change that is in the image already, as agents bring it along whose image had not committed it', () => {
    writeFileSync(join(folder, 'b.txt'), 'old\n');
    sh('git add -A && git -c user.name=a -c user.email=a@b commit -qm y');
    writeFileSync(join(folder, 'b.txt'), 'new\n');
    const second = execFileSync('git', ['diff'], { cwd: folder, encoding: 'utf8' });
    sh('git -c user.name=a -c user.email=a@b commit -qam SWE-bench');
    const { command, content } = apply(diff + second, v5.applyCommands, STALE);
    expect(command).toMatch(/--3way$/);
    expect(content).toContain('\nchanged\n');
  });

  test('v5: a file that lies untracked in the image', () => {
    const added =
      'diff --git a/c.txt b/c.txt\nnew file mode 100644\n--- /dev/null\n+++ b/c.txt\n@@ -0,0 +1 @@\n+c\n';
    const { command } = apply(diff + added, v5.applyCommands, `${STALE}; echo c >c.txt`);
    expect(command).toMatch(/--3way$/);
  });

  test('SWE-rebench V2: the tree of an image is taken by --3way', () => {
    expect(apply(diff, rebenchV2.applyCommands, STALE).content).toContain('\nchanged\n');
  });

  withTools('removing a fence would turn a refused patch into an applied one, so none is removed', () => {
    const short = diff.trimEnd().split('\n').slice(0, -1).join('\n');
    for (const { applyCommands } of [v5, v4_1]) {
      expect(apply(`\`\`\`diff\n${short}\n\`\`\`\n`, applyCommands).command).toBeUndefined();
      expect(apply(`${short}\n`, applyCommands).command).toMatch(PATCH);
    }
  });

  withTools('adding a final newline would change nothing but the command that wins', () => {
    for (const { applyCommands } of [v5, v4_1])
      expect(apply(diff.slice(0, -1), applyCommands).content).toBe(apply(diff, applyCommands).content);
  });
});
