import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commandIn } from '../../plugins/agent/scaffold/blocks.js';

const lines = (...parts: string[]) => parts.join('\n');
const fenced = (text: string, { fence = '```', info = 'command' } = {}) => lines(fence + info, text, fence);

describe('the command of an answer', () => {
  test.each<readonly [string, string, string]>([
    ['a block after some words', `Look:\n\n${fenced('ls')}`, 'ls'],
    ['a block alone', fenced('ls'), 'ls'],
    ['words behind the block', `${fenced('ls')}\nThat lists them.`, 'ls'],
    ['a last line without its newline, or with one', `${fenced('ls')}\n`, 'ls'],
    ['several lines and blank ones', fenced('a\n\n  b\n'), 'a\n\n  b\n'],
    ['a space before the tag', lines('``` command', 'ls', '```'), 'ls'],
    ['further words behind the tag', lines('```command sh', 'ls', '```'), 'ls'],
    ['blanks behind the closing fence', lines('```command', 'ls', '```  \t'), 'ls'],
    ['a closing fence that is longer', lines('```command', 'ls', '`````'), 'ls'],
    ['a longer fence around a shorter one', fenced(fenced('x'), { fence: '````' }), fenced('x')],
    ['tildes', fenced('ls', { fence: '~~~' }), 'ls'],
    ['tildes around backticks', fenced('```\nx\n```', { fence: '~~~' }), '```\nx\n```'],
    ['tildes within backticks', fenced('~~~'), '~~~'],
    ['backticks in the info string of tildes', lines('~~~command `x`', 'ls', '~~~'), 'ls'],
    [
      'an indented fence, whose indentation is taken off',
      lines('  ```command', '  a', '   b', ' c', '  ```'),
      'a\n b\nc',
    ],
    ['a closing fence with another indentation', lines('```command', 'ls', '   ```'), 'ls'],
    ['a fence indented by four, which is text', lines('```command', 'x', '    ```', '```'), 'x\n    ```'],
    [
      'a fence with a tag, which closes nothing',
      lines('```command', 'x', '```python', '```'),
      'x\n```python',
    ],
    ['CRLF', fenced('a\nb').replaceAll('\n', '\r\n'), 'a\nb'],
    ['a carriage return of the command itself', fenced('a\r\nb'), 'a\r\nb'],
    [
      'blocks with other tags beside it',
      `${fenced('x', { info: 'python' })}\n${fenced('ls')}\n${fenced('y', { info: '' })}`,
      'ls',
    ],
    [
      'a command block within another block',
      fenced(`${fenced('no')}`, { fence: '````', info: '' }).concat('\n', fenced('ls')),
      'ls',
    ],
    [
      'fences in a here-document',
      fenced(lines("cat > a.md <<'EOF'", '```python', 'x', '```', 'EOF', 'ls')),
      lines("cat > a.md <<'EOF'", '```python', 'x', '```', 'EOF', 'ls'),
    ],
    [
      'fences in the second of two here-documents',
      fenced(lines('cat <<A <<-"B"', 'A', '```', '\tB')),
      lines('cat <<A <<-"B"', 'A', '```', '\tB'),
    ],
    [
      'fences in a here-document of an indented block',
      lines('  ```command', '  cat <<E', '  ```', '  E', '  ```'),
      lines('cat <<E', '```', 'E'),
    ],
    [
      'what only looks like a here-document',
      lines(fenced('echo $((1<<n))'), 'Then n', fenced('x', { info: '' })),
      'echo $((1<<n))',
    ],
    ['a here-string', lines(fenced('cat <<<EOF'), 'EOF', '```', '```'), 'cat <<<EOF'],
  ])('is found with %s', (_, answer, command) => {
    expect(commandIn(answer, 'command')).toEqual({ command });
  });

  test.each<readonly [string, string, string, string]>([
    ['no block', 'I am done.', 'no_command', 'Your answer has no block tagged `command`.'],
    ['an empty answer', '', 'no_command', 'Your answer has no block tagged `command`.'],
    ['inline code', 'I run ```command ls``` now', 'no_command', 'Your answer has no block tagged `command`.'],
    [
      'a fence that begins within a line',
      'So: ```command\nls',
      'no_command',
      'Your answer has no block tagged `command`.',
    ],
    [
      'an indented code block',
      '    ```command\n    ls\n    ```',
      'no_command',
      'Your answer has no block tagged `command`.',
    ],
    [
      'a block that is tagged with its arguments',
      fenced('x = 1', { info: 'edit 198:198' }),
      'no_command',
      'Your answer has a block tagged `edit 198:198`, but none tagged `command`.',
    ],
    [
      'a tag in capitals',
      fenced('ls', { info: 'Command' }),
      'no_command',
      'Your answer has a block tagged `Command`, but none tagged `command`.',
    ],
    [
      'a tag that only begins so',
      fenced('ls', { info: 'commands' }),
      'no_command',
      'Your answer has a block tagged `commands`, but none tagged `command`.',
    ],
    [
      'a block without a tag',
      fenced('ls', { info: '' }),
      'no_command',
      'Your answer has a block without a tag, but none tagged `command`.',
    ],
    [
      'an unclosed block',
      '```command\nrm -rf build',
      'no_command',
      "The block tagged `command` isn't closed.",
    ],
    [
      'a fence that is too short to close it',
      '````command\nls\n```',
      'no_command',
      "The block tagged `command` isn't closed.",
    ],
    ['an empty block', '```command\n```', 'no_command', 'The block tagged `command` is empty.'],
    ['a block of blanks', '```command\n \n\t\n```', 'no_command', 'The block tagged `command` is empty.'],
    [
      'a command within another block',
      fenced(fenced('ls'), { fence: '````', info: 'markdown' }),
      'no_command',
      'Your answer has a block tagged `markdown`, but none tagged `command`.',
    ],
    [
      'two blocks',
      `${fenced('ls')}\n${fenced('ls')}`,
      'several_commands',
      'Your answer has 2 blocks tagged `command`, and a turn runs one command.',
    ],
    [
      'three blocks, the last one unclosed',
      `${fenced('a')}\n${fenced('b')}\n\`\`\`command\nc`,
      'several_commands',
      'Your answer has 3 blocks tagged `command`, and a turn runs one command.',
    ],
    [
      'two blocks with an unfinished here-document in the first',
      `${fenced('cat <<EOF\na')}\n${fenced('cat <<EOF\nb\nEOF')}`,
      'several_commands',
      'Your answer has 2 blocks tagged `command`, and a turn runs one command.',
    ],
  ])('is missed with %s', (_, answer, formatError, reason) => {
    expect(commandIn(answer, 'command')).toEqual({ formatError, reason });
  });

  test('is any text, when the fence is longer than those within', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('```', '~~~', '```command', '  ```', '<<EOF', 'EOF', ''),
    );
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), (parts) => {
        const text = parts.join('\n');
        fc.pre(text.trim() !== '' && !text.includes('\r') && !/`{9}/.test(text));
        const found = commandIn(`Words.\n${fenced(text, { fence: '`'.repeat(9) })}\nWords.`, 'command');
        // What looks like a here-document may end behind the fence, but not in these words.
        expect(found).toEqual({ command: text });
      }),
    );
  });

  test('is looked for in any answer at all without an error', () => {
    const piece = fc.constantFrom(
      '`',
      '```',
      '~~~',
      'command',
      '\n',
      '\r\n',
      ' ',
      '<<',
      'EOF',
      "'",
      '\t',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const found = commandIn(pieces.join(''), 'command');
        expect('command' in found || found.reason !== '').toBe(true);
      }),
    );
  });

  test('is found quickly in a long answer', () => {
    const text = 'cat <<EOF\n'.repeat(5_000);
    const started = performance.now();
    commandIn(fenced(text), 'command');
    commandIn(fenced(`x${' '.repeat(1_000_000)}`), 'command');
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
