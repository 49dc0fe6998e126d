import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WATCH } from '../../src/reinstall/watch.js';

const hasPython = process.platform === 'linux' && spawnSync('python3', ['--version']).status === 0;
/** The watching program is for containers; here the machine's own Python runs it, where there is one and the kernel has inotify. */
const maybe = hasPython ? describe : describe.skip;

let tree = '';
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'assay-watch-'));
  mkdirSync(join(tree, 'pkg', 'deep'), { recursive: true });
  for (const path of ['setup.py', 'pkg/a.py', 'pkg/deep/b.py', 'pkg/deep/c.py'])
    writeFileSync(join(tree, path), `# ${path}\n`);
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

function watch(command: string) {
  const { stdout, stderr } = spawnSync('python3', ['-c', WATCH, tree, command], { encoding: 'utf8' });
  const last = stdout.trimEnd().split('\n').at(-1);
  if (last === undefined || last === '') throw new Error(stderr);
  return JSON.parse(last) as { exitCode: number; whole: boolean; opened: string[] };
}

maybe('watching what a command opens in a tree', () => {
  test('shows files that it or its children read, and none that it only lists', () => {
    const seen = watch('cat setup.py; (cd pkg && sh -c "cat deep/b.py") | cat; ls -lR . ; stat pkg/a.py');
    expect(seen).toEqual({ exitCode: 0, whole: true, opened: ['pkg/deep/b.py', 'setup.py'] });
  });

  test('shows what a Python process imports', () => {
    expect(watch('cd pkg && PYTHONDONTWRITEBYTECODE=1 python3 -c "import deep.c"').opened).toEqual([
      'pkg/deep/c.py',
    ]);
  });

  test('gives the exit code of the command, and leaves nothing behind', () => {
    expect(watch('exit 3').exitCode).toBe(3);
    expect(readdirSync(tree)).toEqual(['pkg', 'setup.py']);
  });

  test('makes every source newer first, so that a step that copies what is newer is seen to read it', () => {
    const path = join(tree, 'pkg', 'a.py');
    writeFileSync(join(tree, 'copy'), '');
    utimesSync(path, 1, 1);
    expect(watch('test pkg/a.py -nt copy && cat pkg/a.py || true').opened).toEqual(['pkg/a.py']);
    expect(statSync(path).mtimeMs).toBeGreaterThan(1000);
  });
});
