import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Session } from '../../plugins/agent/session.js';
import { packageRoot } from '../../src/index.js';
import { fakeSession } from './fake-session.js';
import { episode, scaffoldNamed } from './scaffold-turns.js';

const TASK = {
  instanceId: 'a__b-1',
  repo: 'a/b',
  problemStatement: '  It breaks: $& $1 {{workdir}} {{nothing}}\r\n```command\nx\n```\n',
};

describe.each(['tools', 'bash'])('the prompt of %s', (name) => {
  const scaffold = scaffoldNamed(name);
  const prompt = (demonstration: boolean) => scaffold.prompt(TASK, { demonstration, workdir: '/testbed' });

  test('is the rules, then the issue as it stands with advice', () => {
    const messages = prompt(false);
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user']);
    expect(messages[1]?.content).toContain(`<issue>\n${TASK.problemStatement.trim()}\n</issue>`);
    expect(messages[1]?.content).toContain('a/b is checked out in /testbed');
    for (const { content } of messages)
      expect(content.replace(TASK.problemStatement.trim(), '')).not.toMatch(/\{\{|\}\}|undefined/);
  });

  test('has the demonstration behind the rules, and only when it is asked for', () => {
    const [bare, shown] = [prompt(false), prompt(true)];
    expect(shown[0]?.content.startsWith(`${bare[0]?.content}\n\n# How such work may look\n`)).toBe(true);
    expect(shown[1]).toEqual(bare[1]);
  });

  test('tells how to hand in, which is what ends an episode', async () => {
    const submit = /Hand in with `([^`]+)`/.exec(prompt(false)[1]?.content ?? '')?.[1] ?? '';
    expect(prompt(false)[0]?.content).toContain(submit);
    expect((await episode(fakeSession(), { scaffold: name }).run(submit)).submit).toBe(true);
  });
});

test('the prompt of tools names every tool', () => {
  const content = scaffoldNamed('tools').prompt(TASK, { demonstration: false, workdir: '/' })[0]?.content;
  for (const tool of [
    'open',
    'goto',
    'scroll_down',
    'scroll_up',
    'create',
    'edit',
    'replace',
    'search_file',
    'submit',
  ])
    expect(content).toMatch(new RegExp(`^(\`.*, )?\`${tool}\\b`, 'm'));
});

const hasTools = ['git', 'python3'].every((tool) => spawnSync(tool, ['--version']).status === 0);
if (!hasTools) process.stderr.write('Skipped the demonstrations: they need git and python3 in PATH.\n');

describe('a demonstration', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  const CHUNKS = `"""Long lists in short ones."""


def chunks(items, size):
    """Lists of \`size\` items each, in order."""
    if size < 1:
        raise ValueError("size must be at least 1")
    whole = len(items) // size
    return [items[n * size : (n + 1) * size] for n in range(whole)]
`;
  const REPORT = `from shelf.chunks import chunks


def rows(words, width):
    return [" ".join(row) for row in chunks(words, width)]
`;
  const TESTS = `import unittest
from shelf.report import rows


class Rows(unittest.TestCase):
    def test_rows(self):
        self.assertEqual(rows(list("abcd"), 2), ["a b", "c d"])
`;

  /** Its repository in a folder that takes the place of \`/repo\`; each command has a shell of its own. */
  async function shelf(): Promise<Session> {
    const folder = mkdtempSync(join(tmpdir(), 'assay-shelf-'));
    folders.push(folder);
    const real = (path: string) => path.replace('/repo', folder);
    const sh = (command: string) =>
      spawnSync('bash', ['-c', `python() { python3 "$@"; }\n${command}`], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
      });
    await mkdir(join(folder, 'shelf'));
    writeFileSync(join(folder, 'shelf', 'chunks.py'), CHUNKS);
    writeFileSync(join(folder, 'shelf', 'report.py'), REPORT);
    writeFileSync(join(folder, 'test_rows.py'), TESTS);
    sh('git init -q . && git add . && git -c user.name=a -c user.email=a@b.example commit -qm shelf');
    return {
      ...fakeSession(),
      run: async (command) => {
        const { stdout, stderr, status } = sh(command);
        const output = `${stdout}${stderr}`.replaceAll(folder, '/repo');
        const cut = { isTimeout: false, truncatedChars: 0, restarted: false };
        return { output, exitCode: status, cwd: '/repo', seconds: 0, ...cut };
      },
      readFile: (path) => readFile(real(path)).catch(() => undefined),
      writeFile: (path, content) => writeFile(real(path), content),
    };
  }

  test.each(hasTools ? ['tools', 'bash'] : [])('of %s is what really happens', async (scaffold) => {
    const path = join(
      packageRoot(),
      'plugins',
      'agent',
      'scaffold',
      'prompts',
      `${scaffold}-demonstration.md`,
    );
    const turns = readFileSync(path, 'utf8').split('\n### You\n\n').slice(1);
    const { say } = episode(await shelf(), { scaffold });
    const seen = [];
    for (const turn of turns) {
      const [answer = '', observation = ''] = turn.split('\n### Observation\n\n');
      const step = await say(answer);
      seen.push([observation.trimEnd() === step.observation.trimEnd() || [observation, step.observation]]);
      expect(step.submit ?? false).toBe(turn === turns.at(-1));
    }
    expect(seen).toEqual(turns.map(() => [true]));
  });
});
