import { describe, expect, test } from '@jest/globals';
import { SUBMIT_COMMAND } from '../../plugins/agent/scaffold/bash.js';
import { scaffolds } from '../../plugins/agent/scaffold/index.js';
import { AssayError } from '../../src/index.js';
import { fakeSession, type Reply } from './fake-session.js';
import { episode, scaffoldNamed } from './scaffold-turns.js';

const CLOSING = { tools: '[cwd: /repo | open file: none]', bash: '[cwd: /repo]' };
const TAG = { tools: 'command', bash: 'bash' };

describe.each(['tools', 'bash'] as const)('the scaffold %s', (scaffold) => {
  const closing = CLOSING[scaffold];
  const tag = TAG[scaffold];

  test.each([
    ['no_command', 'I am done.', `Your answer has no block tagged \`${tag}\`.`],
    [
      'no_command',
      '```python\nls\n```',
      `Your answer has a block tagged \`python\`, but none tagged \`${tag}\`.`,
    ],
    [
      'several_commands',
      `\`\`\`${tag}\nls\n\`\`\`\n\`\`\`${tag}\nls\n\`\`\``,
      `Your answer has 2 blocks tagged \`${tag}\`, and a turn runs one command.`,
    ],
  ] as const)(
    'answers %s with what is wrong and the format, and runs nothing',
    async (formatError, text, reason) => {
      const session = fakeSession();
      const step = await episode(session, { scaffold }).say(text);
      expect(step).toMatchObject({ command: null, formatError });
      expect(step.observation.startsWith(`Error: ${reason} Nothing was run.\n\n`)).toBe(true);
      expect(step.observation).toContain(`\`\`\`${tag}\nls tests\n\`\`\``);
      expect(step.observation.endsWith(`\n${closing}`)).toBe(true);
      expect(session.commands).toEqual([]);
    },
  );

  test.each<readonly [string, Reply, string]>([
    ['prints', { output: 'a\n\nb\n' }, 'a\n\nb'],
    ['prints no final newline', { output: 'a' }, 'a'],
    ['prints blank lines', { output: '\n\n' }, '\n'],
    ['prints nothing', {}, '(no output)'],
    ['fails', { output: 'no\n', exitCode: 2 }, 'no\n[exit code 2]'],
    [
      'takes too long',
      { output: 'a\n', exitCode: null, isTimeout: true },
      'a\n[killed: a command may take 60 s]',
    ],
    ['is killed', { exitCode: null }, '(no output)\n[killed]'],
    [
      'ends the shell',
      { exitCode: 3, restarted: true },
      '(no output)\n[exit code 3]\n[the shell had ended; in the new one variables, functions and jobs are gone]',
    ],
  ])('shows what a command did that %s', async (_, reply, observation) => {
    const step = await episode(fakeSession({ reply: () => reply }), { scaffold }).run('x');
    expect(step.observation).toBe(`${observation}\n${closing}`);
    expect(step).toMatchObject({ command: 'x', result: reply });
  });

  test('hands a command to the shell as it stands, with the limits', async () => {
    const session = fakeSession();
    const seen: unknown[] = [];
    const { run } = session;
    session.run = (command, limits, signal) => {
      seen.push(limits);
      return run(command, limits, signal);
    };
    const command = "  cd x && opened $HOME \\\n 'y'\n\n# open z\nsubmit";
    const step = await episode(session, { scaffold, outputChars: 50 }).run(command);
    expect([session.commands, step.command]).toEqual([[command], command]);
    expect(seen).toEqual([{ seconds: 60, outputChars: 50 }]);
  });

  test('says how much the session cut', async () => {
    const step = await episode(fakeSession({ reply: () => ({ truncatedChars: 5 }) }), { scaffold }).run('x');
    expect(step.truncatedChars).toBe(5);
    expect((await episode(fakeSession(), { scaffold }).run('x')).truncatedChars).toBeUndefined();
  });

  test('ends with its command', async () => {
    const session = fakeSession();
    const command = scaffold === 'bash' ? `\n${SUBMIT_COMMAND} ` : ' submit\n';
    const step = await episode(session, { scaffold }).run(command);
    expect(step).toEqual({ observation: '', command, submit: true });
    expect(session.commands).toEqual([]);
  });

  test.each(['open a.py', 'ls'])('lets a fault of the sandbox through: `%s`', async (command) => {
    const fault = new AssayError('engine_failed', 'the container is gone');
    const fail = () => Promise.reject(fault);
    const session = { ...fakeSession(), run: fail, readFile: fail, writeFile: fail };
    await expect(episode(session, { scaffold }).run(command)).rejects.toBe(fault);
  });
});

describe('the scaffold tools', () => {
  test.each(['submit now', 'submit\nls', 'submit && ls'])('does not end with `%s`', async (command) => {
    const session = fakeSession();
    const step = await episode(session).run(command);
    expect(step.observation).toBe(`Error: \`submit\` takes no arguments\n${CLOSING.tools}`);
    expect([step.submit, session.commands]).toEqual([undefined, []]);
  });

  test.each(['opened x', 'open;ls', './submit', 'FILE=x open', 'toString', '__proto__', 'ls\nopen a.py'])(
    'takes `%s` for no tool',
    async (command) => {
      const session = fakeSession();
      await episode(session).run(command);
      expect(session.commands).toEqual([command]);
    },
  );

  test('keeps nothing between episodes', async () => {
    const session = fakeSession({ files: { '/repo/a.py': 'x\n' } });
    await episode(session).run('open a.py');
    expect((await episode(session).run('ls')).observation).toBe(`(no output)\n${CLOSING.tools}`);
  });

  test('tells the end of an episode from a fault of the model', async () => {
    const control = new AbortController();
    const session = fakeSession();
    session.readFile = () => {
      control.abort(new Error('enough'));
      return Promise.reject(control.signal.reason);
    };
    const step = scaffoldNamed('tools').step('```command\nopen a.py\n```', {
      state: {},
      session,
      limits: { seconds: 1, outputChars: 100 },
      signal: control.signal,
    });
    await expect(step).rejects.toThrow('enough');
  });
});

describe('the scaffold bash', () => {
  test.each(['open a.py', 'submit', `git add -A && ${SUBMIT_COMMAND}`, `${SUBMIT_COMMAND}; ls`])(
    'hands `%s` to the shell',
    async (command) => {
      const session = fakeSession();
      const step = await episode(session, { scaffold: 'bash' }).run(command);
      expect([session.commands, step.submit]).toEqual([[command], undefined]);
    },
  );
});

test('scaffolds are found by their names and have a version', () => {
  for (const [name, scaffold] of Object.entries(scaffolds)) {
    expect(scaffold.name).toBe(name);
    expect(scaffold.version).toMatch(/^\d+$/);
  }
});
