import { describe, expect, test } from '@jest/globals';
import { FILE as A, longText as long, outcome, shown, THREE } from './scaffold-turns.js';

describe('`edit`', () => {
  test('shows what it did, with the lines around', async () => {
    const { observation, text } = await outcome('edit 2:2 <<EOF\n  2a\n  2b\nEOF');
    expect(text).toBe('one\n  2a\n  2b\nthree\n');
    expect(observation).toBe(
      'Replaced lines 2 to 2 by 2 lines.\n[/repo/a.py: 4 lines]\n1:one\n2:  2a\n3:  2b\n4:three\n[cwd: /repo | open file: /repo/a.py]',
    );
  });

  test.each<readonly [string, string, string]>([
    ['a text behind one space', 'edit 2:2 x', 'one\nx\nthree\n'],
    ['indentation behind that space', 'edit 2:2     x = 1', 'one\n    x = 1\nthree\n'],
    ['apostrophes in a bare text', 'edit 2:2 don\'t "do', 'one\ndon\'t "do\nthree\n'],
    ['a text in single quotes', "edit 2:2 '  x'", 'one\n  x\nthree\n'],
    ['a text in double quotes', 'edit 2:2 "  say \\"x\\" \\n"', 'one\n  say "x" \\n\nthree\n'],
    ['several quoted texts, which are code', 'edit 2:2 "a" + "b"', 'one\n"a" + "b"\nthree\n'],
    ['a docstring, which is code', 'edit 2:2 """doc"""', 'one\n"""doc"""\nthree\n'],
    ['a quoted text of several lines', 'edit 2:2 "a\n  b"', 'one\na\n  b\nthree\n'],
    ['a quote that is never closed, which is code', 'edit 2:2 "a', 'one\n"a\nthree\n'],
    ['a bare text that goes on in further lines', 'edit 2:2 if x:\n    y', 'one\nif x:\n    y\nthree\n'],
    ['a text on the following lines', 'edit 2:2\n    a\n  b', 'one\n    a\n  b\nthree\n'],
    ['blanks before the following lines', 'edit 2:2  \n  a', 'one\n  a\nthree\n'],
    ['blank lines around the text', 'edit 2:2\n\na\n', 'one\n\na\n\nthree\n'],
    ['no text, which deletes', 'edit 2:2', 'one\nthree\n'],
    ['an empty quoted text, which deletes', 'edit 2:2 ""', 'one\nthree\n'],
    ['an empty here-document, which deletes', 'edit 2:3 <<EOF\nEOF', 'one\n'],
    ['everything deleted', 'edit 1:3', ''],
    ['one blank line', 'edit 2:2 <<EOF\n\nEOF', 'one\n\nthree\n'],
    ['a quoted delimiter', "edit 2:2 << 'END OF'\n$x `y` \\n\nEND OF\n", 'one\n$x `y` \\n\nthree\n'],
    [
      'an unquoted one, which expands nothing either',
      'edit 2:2 <<EOF\n$x `y` \\n\nEOF',
      'one\n$x `y` \\n\nthree\n',
    ],
    ['a delimiter in double quotes', 'edit 2:2 <<"EOF"\n<<EOF\nEOF', 'one\n<<EOF\nthree\n'],
    ['an escaped delimiter', 'edit 2:2 <<\\EOF\nx\nEOF', 'one\nx\nthree\n'],
    ['tabs that `<<-` strips', 'edit 2:2 <<-EOF\n\t\tx\n\tEOF', 'one\nx\nthree\n'],
    ['a delimiter within the text', 'edit 2:2 <<EOF\nEOF \n EOF\nEOF', 'one\nEOF \n EOF\nthree\n'],
    ['a shift operator, which is code', 'edit 2:2 << x;', 'one\n<< x;\nthree\n'],
    ['a fence in the text', 'edit 2:2 <<EOF\n```\nEOF', 'one\n```\nthree\n'],
    ['blanks at the ends of lines', 'edit 2:2 <<EOF\nx  \n\t\nEOF', 'one\nx  \n\t\nthree\n'],
    ['all lines', 'edit 1:3 x', 'x\n'],
    ['dollar signs of a pattern', 'edit 2:2 $& $1 $$', 'one\n$& $1 $$\nthree\n'],
    ['characters beyond ASCII', 'edit 2:2 é日😀', 'one\né日😀\nthree\n'],
  ])('takes %s', async (_, command, text) => {
    const result = await outcome(command);
    expect(Buffer.from(result.text, 'latin1').toString()).toBe(text);
  });

  test.each(['--file sub/b.py 1:1', '--file=sub/b.py 1:1', '--file "sub/b.py" 1:1', '1:1 --file sub/b.py'])(
    'takes another file: `edit %s`',
    async (args) => {
      const { session, state, text, observation } = await outcome(`edit ${args} <<EOF\nnew\nEOF`);
      expect([session.text('/repo/sub/b.py'), text]).toEqual(['new\n', THREE]);
      expect(state).toEqual({ openFile: { path: A, line: 1 } });
      expect(observation).toContain('[/repo/sub/b.py: 1 line]\n1:new\n[cwd: /repo | open file: /repo/a.py]');
    },
  );

  test.each<readonly [string, string | Uint8Array, string, string]>([
    ['CRLF', 'a\r\nb\r\n', 'edit 1:1\nx\ny', 'x\r\ny\r\nb\r\n'],
    ['each line its own ending', 'a\nb\r\nc\n', 'edit 2:2\nx\ny', 'a\nx\r\ny\r\nc\n'],
    ['no final newline', 'a\nb', 'edit 2:2\nx\ny', 'a\nx\ny'],
    ['no final newline, of CRLF', 'a\r\nb', 'edit 2:2\nx\ny', 'a\r\nx\r\ny'],
    ['no final newline when the last line goes', 'a\r\nb', 'edit 2:2', 'a'],
    ['a final newline when the last line goes', 'a\nb\n', 'edit 2:2', 'a\n'],
    ['nothing of a file that is emptied', 'a', 'edit 1:1', ''],
    ['a byte order mark', '\ufeffa\nb\n', 'edit 1:1 x', '\xef\xbb\xbfx\nb\n'],
    ['Latin-1', Buffer.from('\xe9\nb\xff\x80\n', 'latin1'), 'edit 1:1 ü', '\xfc\nb\xff\x80\n'],
    ['a lone carriage return', 'a\rb\nc\n', 'edit 2:2 x', 'a\rb\nx\n'],
    ['a line separator of Unicode', 'a\u2028b\nc\n', 'edit 2:2 x', 'a\xe2\x80\xa8b\nx\n'],
    ['a new file to fill, with a final newline', '', 'edit 1:1\nx\ny', 'x\ny\n'],
  ])('keeps %s', async (_, content, command, text) => {
    expect((await outcome(command, content)).text).toBe(text);
  });

  const range = (words: string) =>
    `${words} is no range of lines: the file has 3 lines, START and END count from 1 and are both replaced`;
  test.each<readonly [string, string]>([
    ['edit', '`edit` needs a range of lines, e.g. `edit 3:5`'],
    ['edit --file', '"--file" is no range of lines such as 3:5'],
    ['edit --file a.py', '`edit` needs a range of lines, e.g. `edit 3:5`'],
    ['edit 2', '"2" is no range of lines such as 3:5'],
    ['edit 2-3 x', '"2-3" is no range of lines such as 3:5'],
    ['edit 1:2:3 x', '"1:2:3" is no range of lines such as 3:5'],
    ['edit 1: 2 x', '"" is no line number'],
    ['edit a:b x', '"a" is no line number'],
    ['edit -1:2 x', '"-1" is no line number'],
    ['edit 0:1 x', range('0:1')],
    ['edit 3:4 x', range('3:4')],
    ['edit 4:4 x', range('4:4')],
    ['edit 3:2 x', range('3:2')],
    ['edit 2:2 <<EOF\nx', "the here-document isn't closed by a line EOF"],
    ['edit 2:2 <<EOF', "the here-document isn't closed by a line EOF"],
    ['edit 2:2 <<EOF\nx\n EOF', "the here-document isn't closed by a line EOF"],
    [
      'edit 2:2 <<EOF\nx\nEOF\nls',
      'nothing may follow the line EOF: if it is part of the text, choose another word for the end',
    ],
    ['edit --file missing.py 1:1 x', "/repo/missing.py isn't there, or is a folder"],
  ])('says what is wrong with %j, and changes nothing', async (command, message) => {
    const { observation, text, session } = await outcome(command);
    expect(observation).toBe(`Error: ${message}\n[cwd: /repo | open file: /repo/a.py]`);
    expect([text, session.commands]).toEqual([THREE, []]);
  });

  test('refuses what a Latin-1 file has no byte for', async () => {
    const { observation, text } = await outcome('edit 1:1 a😀', Buffer.from('\xe9\n', 'latin1'));
    expect(observation).toContain('Error: /repo/a.py is encoded in Latin-1, which has no "😀"');
    expect(text).toBe('\xe9\n');
  });

  test('shows the place in a long file', async () => {
    const { observation, state } = await outcome('edit 150:151 x', long(250));
    expect(shown(observation)[0]).toBe('140:line 140');
    expect(observation).toContain('\n150:x\n151:line 152\n');
    expect(state.openFile).toEqual({ path: A, line: 140 });
  });
});
