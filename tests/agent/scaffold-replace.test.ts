import { describe, expect, test } from '@jest/globals';
import { longText as long, outcome, THREE } from './scaffold-turns.js';

describe('`replace`', () => {
  test('exchanges the one place and shows it', async () => {
    const { observation, text } = await outcome("replace 'wo\nth' 'WO\nnew\nTH'");
    expect(text).toBe('one\ntWO\nnew\nTHree\n');
    expect(observation).toBe(
      'Replaced "wo\\nth" (line 2).\n[/repo/a.py: 4 lines]\n1:one\n2:tWO\n3:new\n4:THree\n[cwd: /repo | open file: /repo/a.py]',
    );
  });

  test.each<readonly [string, string, string, string]>([
    ['words without quotes', 'replace two 2', THREE, 'one\n2\nthree\n'],
    [
      'double quotes, with what a shell escapes in them',
      'replace "a \\"b\\" \\$c \\n" "x"',
      'a "b" $c \\n\n',
      'x\n',
    ],
    ['quotes of both kinds in one word', `replace 'it'"'"'s' "it is"`, "it's\n", 'it is\n'],
    ['a backslash outside of quotes', 'replace a\\ b c', 'a b\n', 'c\n'],
    ['lines that a backslash joins', 'replace two \\\n 2', THREE, 'one\n2\nthree\n'],
    ['an empty REPLACE', "replace 'two\n' ''", THREE, 'one\nthree\n'],
    [
      'characters that mean something to a pattern',
      "replace 'f(x)[0]*$' '$& $1 \\\\'",
      'f(x)[0]*$\n',
      '$& $1 \\\\\n',
    ],
    ['all places', 'replace --replace-all a b', 'a a\naa\n', 'b b\nbb\n'],
    ['all places, said at the end', 'replace a b --replace-all', 'a a\n', 'b b\n'],
    ['all of places that overlap, from the left', 'replace --replace-all aa b', 'aaa\n', 'ba\n'],
    ['one place with --replace-all', 'replace --replace-all two 2', THREE, 'one\n2\nthree\n'],
    ['several lines of CRLF', "replace 'a\nb' 'x\ny\nz'", 'a\r\nb\r\n', 'x\r\ny\r\nz\r\n'],
    ['a place at the end without newline', 'replace b c', 'a\nb', 'a\nc'],
    ['tabs', "replace '\tx' '\ty'", '\tx\n', '\ty\n'],
  ])('takes %s', async (_, command, content, text) => {
    expect((await outcome(command, content)).text).toBe(text);
  });

  test.each<readonly [string, string, string]>([
    ['replace four 4', THREE, '"four" isn\'t in /repo/a.py: it has to match exactly, with all its spaces'],
    ['replace TWO 2', THREE, '"TWO" isn\'t in /repo/a.py: it has to match exactly, with all its spaces'],
    [
      'replace a b',
      'a\nb\na a\n',
      '"a" is in /repo/a.py 3 times (lines 1, 3, 3): take more of the text around the right one, or `--replace-all`',
    ],
    [
      'replace aa b',
      'aaa\n',
      '"aa" is in /repo/a.py 2 times (lines 1, 1): take more of the text around the right one, or `--replace-all`',
    ],
    [
      'replace a b',
      'a\n'.repeat(12),
      '"a" is in /repo/a.py 12 times (lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more): take more of the text around the right one, or `--replace-all`',
    ],
    ['replace "" b', THREE, 'SEARCH is empty'],
    ['replace', THREE, '`replace` takes SEARCH and REPLACE: put each of them in quotes'],
    ['replace one', THREE, '`replace` takes SEARCH and REPLACE: put each of them in quotes'],
    ['replace one two three', THREE, '`replace` takes SEARCH and REPLACE: put each of them in quotes'],
    ["replace don't x", THREE, "a quote isn't closed: '"],
  ])('says what is wrong with %j, and changes nothing', async (command, content, message) => {
    const { observation, text } = await outcome(command, content);
    expect(observation).toBe(`Error: ${message}\n[cwd: /repo | open file: /repo/a.py]`);
    expect(text).toBe(content);
  });
});

describe('`create`', () => {
  test('makes an empty file and opens it', async () => {
    const { observation, session } = await outcome('create "sub/new file.py"');
    expect(observation).toBe(
      '[/repo/sub/new file.py: 1 line]\n1:\n[cwd: /repo | open file: /repo/sub/new file.py]',
    );
    expect(session.text('/repo/sub/new file.py')).toBe('');
  });

  test.each<readonly [string, string]>([
    ['create a.py', '/repo/a.py is there already: `open` it'],
    ['create ./sub/../a.py', '/repo/a.py is there already: `open` it'],
    ['create sub', '/repo/sub: Is a directory'],
    ['create none/x.py', '/repo/none/x.py: No such file or directory'],
    ['create', '`create` takes one file; `edit` then gives it its text'],
    ['create x.py <<EOF\nx\nEOF', '`create` takes one file; `edit` then gives it its text'],
  ])('says what is wrong with %j', async (command, message) => {
    const { observation, text, session } = await outcome(command);
    expect(observation).toBe(`Error: ${message}\n[cwd: /repo | open file: /repo/a.py]`);
    expect([text, session.files.size]).toEqual([THREE, 2]);
  });
});

describe('`search_file`', () => {
  test.each<readonly [string, string]>([
    ['search_file e', '2 lines of /repo/a.py with "e":\n1:one\n3:three'],
    ['search_file thr', '1 line of /repo/a.py with "thr":\n3:three'],
    ['search_file "b" sub/b.py', '1 line of /repo/sub/b.py with "b":\n1:b'],
    ['search_file .', '0 lines of /repo/a.py with ".".'],
    ['search_file ONE', '0 lines of /repo/a.py with "ONE".'],
    ['search_file "two\nthree"', '0 lines of /repo/a.py with "two\\nthree".'],
    ['search_file', 'Error: `search_file` takes TERM and FILE: put a term with spaces in quotes'],
    ['search_file ""', 'Error: `search_file` takes TERM and FILE: put a term with spaces in quotes'],
    ['search_file a b c', 'Error: `search_file` takes TERM and FILE: put a term with spaces in quotes'],
    ['search_file x sub', "Error: /repo/sub isn't there, or is a folder"],
  ])('of %j', async (command, text) => {
    const { observation } = await outcome(command);
    expect(observation).toBe(`${text}\n[cwd: /repo | open file: /repo/a.py]`);
  });

  test('shows a hundred lines and counts the rest', async () => {
    const { observation } = await outcome('search_file line', long(250));
    expect(observation.startsWith('250 lines of /repo/a.py with "line":\n1:line 1\n')).toBe(true);
    expect(observation).toContain('\n100:line 100\n(150 more)\n');
  });
});
