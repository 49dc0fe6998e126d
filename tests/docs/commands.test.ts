import { describe, expect, test } from '@jest/globals';
import { refusal, shellWords, unknownName } from '../helpers/command-line.js';
import { codeLines, documents, prose } from '../helpers/documents.js';

/** What stands in code and isn't a command: output, and a sentence. */
const NO_COMMANDS = ['assay images export, base and environments included: 206 MB'];

/** A synopsis leaves choices open, and its text can't be parsed. */
const SYNOPSIS = /[[(|]|\.\.\./;

const COMMAND = /^(?:\$ )?(?:npx )?assay (?=[a-z-]+(?: |$))/;

function commandsIn(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => COMMAND.test(line) && !NO_COMMANDS.includes(line))
    .map((line) => line.replace(COMMAND, ''))
    .filter((line) => !SYNOPSIS.test(shellWords(line).join(' ')));
}

function inlineCode(text: string): readonly string[] {
  return [...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

function refusedOf(text: string): readonly string[] {
  const faults = (lines: readonly string[], fault: typeof refusal) =>
    commandsIn(lines).flatMap((line) => {
      const why = fault(shellWords(line));
      return why === undefined ? [] : [`assay ${line}: ${why}`];
    });
  return [...faults(codeLines(text), refusal), ...faults(inlineCode(text), unknownName)];
}

describe('commands in the documentation are taken by the command line', () => {
  const pages = documents().map(({ path, text }) => ({
    path,
    text,
    commands: commandsIn([...codeLines(text), ...inlineCode(text)]).length,
  }));

  test.each(pages.filter(({ commands }) => commands > 0).map(({ path, text }) => [path, text] as const))(
    '%s',
    (_, text) => {
      expect(refusedOf(text)).toEqual([]);
    },
  );

  test('there are many', () => {
    expect(pages.reduce((sum, { commands }) => sum + commands, 0)).toBeGreaterThan(150);
  });
});

test('a command that is wrong is refused', () => {
  expect(refusal(shellWords('eval verified --gold -j 4   # a comment'))).toBeUndefined();
  expect(refusal(shellWords('eval verified --golden'))).toMatch(/golden/);
  expect(refusal(shellWords('eval'))).toMatch(/Not enough/);
  expect(refusal(shellWords('images bulid verified'))).toMatch(/no action images bulid/);
  expect(refusal(shellWords('images prune'))).toMatch(/keep/);
  expect(refusal(shellWords('retry runs/a --only all'))).toMatch(/only/);
  expect(unknownName(shellWords('retry --only infra'))).toBeUndefined();
  expect(unknownName(shellWords('retry RUN --lonely infra'))).toBe('lonely');
});
