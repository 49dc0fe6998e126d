import { describe, expect, test } from '@jest/globals';
import { fakeSession } from './fake-session.js';
import { FILE as A, episode, longText as long, outcome, shown, THREE } from './scaffold-turns.js';

describe('a view', () => {
  test('shows a short file as a whole, and closes with folder and file', async () => {
    const { observation } = await episode(fakeSession({ files: { [A]: THREE } })).run('open a.py');
    expect(observation).toBe(
      '[/repo/a.py: 3 lines]\n1:one\n2:two\n3:three\n[cwd: /repo | open file: /repo/a.py]',
    );
  });

  test.each<readonly [string, number, number]>([
    ['open a.py', 1, 100],
    ['open a.py 150', 140, 239],
    ['open a.py 1', 1, 100],
    ['open a.py 250', 151, 250],
    ['goto 5', 1, 100],
    ['goto 120', 110, 209],
    ['goto 249', 151, 250],
    ['scroll_down', 101, 200],
    ['scroll_down\n', 101, 200],
    ['open', 1, 100],
    ['open "a.py"  20', 10, 109],
    ['# the middle\n\nopen /repo/./sub/../a.py 130', 120, 219],
  ])('after `%s` has a hundred lines, %i to %i', async (command, first, last) => {
    const { observation } = await outcome(command, long(250));
    const lines = shown(observation);
    expect([lines[0], lines.at(-1), lines.length]).toEqual([
      `${first}:line ${first}`,
      `${last}:line ${last}`,
      100,
    ]);
    expect(observation.includes(`(${first - 1} lines above)`)).toBe(first > 1);
    expect(observation.includes(`(${250 - last} lines below)`)).toBe(last < 250);
  });

  test('goes down to the end, up to the start, and says where it is', async () => {
    const turns = episode(fakeSession({ files: { [A]: long(250) } }));
    await turns.run('open a.py');
    const seen = [];
    for (const command of [
      'scroll_down',
      'scroll_down',
      'scroll_down',
      'scroll_up',
      'scroll_up',
      'scroll_up',
    ])
      seen.push((await turns.run(command)).observation.split('\n').find((line) => /^\d|^Error/.test(line)));
    expect(seen).toEqual([
      '101:line 101',
      '151:line 151',
      'Error: the end of the file is shown already',
      '51:line 51',
      '1:line 1',
      'Error: the start of the file is shown already',
    ]);
  });

  test('follows a file that has become shorter, and says when it is gone', async () => {
    const session = fakeSession({ files: { [A]: long(250) } });
    const turns = episode(session);
    await turns.run('open a.py 250');
    session.files.set(A, Buffer.from(THREE));
    expect(shown((await turns.run('open')).observation)).toHaveLength(3);
    session.files.delete(A);
    expect((await turns.run('goto 1')).observation).toBe(
      "Error: /repo/a.py isn't there, or is a folder\n[cwd: /repo | open file: /repo/a.py]",
    );
  });

  test.each<readonly [string, string]>([
    ['open missing.py', "/repo/missing.py isn't there, or is a folder"],
    ['open sub', "/repo/sub isn't there, or is a folder"],
    ['open ""', "/repo isn't there, or is a folder"],
    ['open a.py 4', 'there is no line 4: /repo/a.py has 3 lines'],
    ['open a.py 0', 'there is no line 0: /repo/a.py has 3 lines'],
    ['open a.py -1', '"-1" is no line number'],
    ['open a.py two', '"two" is no line number'],
    ['open a.py 1 2', '`open` takes a file and a line number, and no more'],
    ['open a.py\nls', '"ls" is no line number'],
    ["open 'a.py", "a quote isn't closed: '"],
    ['open "a.py', 'a quote isn\'t closed: "'],
    ['goto', '`goto` takes one line number'],
    ['goto 1 2', '`goto` takes one line number'],
    ['goto 99999999999999999999', '"99999999999999999999" is no line number'],
    ['goto 4', 'there is no line 4: /repo/a.py has 3 lines'],
    ['scroll_up 3', '`scroll_up` takes no arguments'],
    ['scroll_down', 'the end of the file is shown already'],
  ])('of `%s` is an error, and the open file stays', async (command, message) => {
    const { observation, state } = await outcome(command);
    expect(observation).toBe(`Error: ${message}\n[cwd: /repo | open file: /repo/a.py]`);
    expect(state).toEqual({ openFile: { path: A, line: 1 } });
  });

  test.each(['open', 'goto 1', 'scroll_up', 'scroll_down', 'edit 1:1 x', 'replace a b', 'search_file x'])(
    'needs an open file for `%s`',
    async (command) => {
      const { observation } = await episode(fakeSession()).run(command);
      expect(observation).toBe('Error: no file is open: `open FILE` first\n[cwd: /repo | open file: none]');
    },
  );

  test('keeps its file when the working folder changes', async () => {
    const session = fakeSession({
      files: { [A]: THREE, '/repo/sub/a.py': 'other\n' },
      reply: () => ({ cwd: '/repo/sub' }),
    });
    const turns = episode(session);
    await turns.run('open a.py');
    expect((await turns.run('cd sub')).observation).toBe(
      '(no output)\n[cwd: /repo/sub | open file: /repo/a.py]',
    );
    expect((await turns.run('goto 1')).observation).toContain('1:one');
    expect((await turns.run('open a.py')).observation).toContain('1:other');
  });

  test('cuts long lines, and the middle of what is too long together', async () => {
    const session = fakeSession({
      files: {
        [A]: `${'x'.repeat(5_000)}\n${'😀'.repeat(5_000)}\n`,
        '/repo/b.py': `${'y'.repeat(900)}\n`.repeat(100),
      },
    });
    const turns = episode(session);
    const wide = await turns.run('open a.py');
    expect(shown(wide.observation)).toEqual([
      `1:${'x'.repeat(1000)}… (4000 more characters)`,
      `2:${'😀'.repeat(500)}… (9000 more characters)`,
    ]);
    const whole = await turns.run('open b.py');
    expect(whole.observation.length).toBeLessThan(20_200);
    expect(whole.truncatedChars).toBeGreaterThan(70_000);
    expect(whole.observation).toContain(`\n[... ${whole.truncatedChars} characters left out ...]\n`);
    expect(whole.observation.endsWith('[cwd: /repo | open file: /repo/b.py]')).toBe(true);
  });

  test.each<readonly [string, string | Uint8Array, string]>([
    ['an empty file', '', '1:'],
    ['no final newline', 'one\ntwo', '1:one\n2:two'],
    ['CRLF', 'one\r\ntwo\r\n', '1:one\n2:two'],
    ['a byte order mark', '\ufeffone\n', '1:one'],
    ['Latin-1', Buffer.from('caf\xe9\n', 'latin1'), '1:café'],
    ['UTF-8', 'café 日本 😀\n', '1:café 日本 😀'],
    ['blank lines', '\n\nx\n', '1:\n2:\n3:x'],
  ])('shows a file with %s', async (_, content, lines) => {
    const { observation } = await outcome('open', content);
    expect(observation.split('\n').slice(1, -1).join('\n')).toBe(lines);
  });

  test.each(['open bin', 'edit --file bin 1:1 x', 'search_file x bin'])(
    'is refused of binary files: %s',
    async (command) => {
      const session = fakeSession({ files: { '/repo/bin': 'ELF\0\x01' } });
      const { observation } = await episode(session).run(command);
      expect(observation).toBe('Error: /repo/bin is no text file\n[cwd: /repo | open file: none]');
      expect(session.text('/repo/bin')).toBe('ELF\0\x01');
    },
  );

  test('of a huge file comes at once', async () => {
    const started = performance.now();
    const { text } = await outcome('edit 999999:1000000 last', long(1_000_000));
    expect(text.endsWith('line 999998\nlast\n')).toBe(true);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
