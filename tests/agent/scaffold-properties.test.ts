import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { wordsOf } from '../../plugins/agent/scaffold/arguments.js';
import { clipped } from '../../plugins/agent/scaffold/clip.js';
import { withLines } from '../../plugins/agent/scaffold/tools/edit.js';
import { FILE, outcome } from './scaffold-turns.js';

/** As a shell quotes any text. */
const quote = (text: string) => `'${text.replaceAll("'", `'"'"'`)}'`;
const line = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom('', '  x', '\tx', 'EOF', '```', '$&', "'"),
  )
  .map((text) => text.replace(/[\r\n\0]|^\ufeff/g, ''));
const newline = fc.constantFrom('\n', '\r\n');

/** Lines of a file, one way to end them, and whether the last one is ended. */
const file = fc
  .record({ lines: fc.array(line, { minLength: 1, maxLength: 12 }), newline, isEnded: fc.boolean() })
  .filter(({ lines, isEnded }) => isEnded || lines.at(-1) !== '')
  .map((made) => ({ ...made, text: made.lines.join(made.newline) + (made.isEnded ? made.newline : '') }));

/** What the file then holds. */
const content = async (command: string, text: string) => {
  const { session, observation } = await outcome(command, text);
  return { text: session.files.get(FILE)?.toString() ?? '', observation };
};

/** A file without a newline doesn't tell how it ends its lines; then it's a plain one. */
const tells = (text: string, newline: string) => newline === '\n' || text.includes(newline);
/** No half of a surrogate pair is in it. */
const isWhole = (text: string) => Buffer.from(text).toString() === text;

describe('`edit`', () => {
  const edits = fc.record({
    file,
    fresh: fc.array(line, { minLength: 1, maxLength: 5 }),
    a: fc.nat(),
    b: fc.nat(),
  });

  test('gives the text that was asked for, whatever is in it, and takes it back', async () => {
    await fc.assert(
      fc.asyncProperty(edits, async ({ file: { lines, newline, isEnded, text }, fresh, a, b }) => {
        const [start, end] = [a % lines.length, b % lines.length].sort((x, y) => x - y) as [number, number];
        fc.pre(isEnded || end < lines.length - 1 || fresh.at(-1) !== '');
        const old = lines.slice(start, end + 1);
        const command = (last: number, replacement: readonly string[]) =>
          `edit ${start + 1}:${last} <<'END 1'\n${replacement.map((l) => `${l}\n`).join('')}END 1`;
        const there = await content(command(end + 1, fresh), text);
        const wanted = [...lines.slice(0, start), ...fresh, ...lines.slice(end + 1)].join(newline);
        fc.pre(tells(text, newline) && tells(wanted, newline));
        expect(there.text).toBe(isEnded ? wanted + newline : wanted);
        const back = await content(command(start + fresh.length, old), there.text);
        expect(back.text).toBe(text);
      }),
    );
  });

  test('takes the same text from a here-document and from the following lines', async () => {
    await fc.assert(
      fc.asyncProperty(file, fc.array(line, { minLength: 1, maxLength: 5 }), async ({ text }, fresh) => {
        const body = fresh.join('\n');
        fc.pre(body.trim() !== '' && !body.startsWith('<<'));
        const here = await content(`edit 1:1 <<'END 1'\n${body}\nEND 1`, text);
        const following = await content(`edit 1:1\n${body}`, text);
        expect(following).toEqual(here);
      }),
    );
  });

  test('deletes lines and nothing else', () => {
    fc.assert(
      fc.property(file, fc.nat(), ({ lines, newline, isEnded, text }, at) => {
        const gone = at % lines.length;
        const left = lines.filter((_, index) => index !== gone);
        const ended = isEnded && left.length > 0 ? newline : '';
        expect(withLines(text, { start: gone + 1, end: gone + 1 }, '')).toBe(left.join(newline) + ended);
      }),
    );
  });
});

test('`replace` gives the text that was asked for and takes it back', async () => {
  const range = fc.record({
    file,
    a: fc.nat(),
    b: fc.nat(),
    fresh: fc.array(line, { minLength: 1, maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(range, async ({ file: { text, newline }, a, b, fresh }) => {
      const plain = text.replaceAll('\r\n', '\n');
      const [from, to] = [a % (plain.length + 1), b % (plain.length + 1)].sort((x, y) => x - y) as [
        number,
        number,
      ];
      const search = plain.slice(from, to);
      const replacement = fresh.join('\n');
      const wanted = plain.slice(0, from) + replacement + plain.slice(to);
      const isOnce = (part: string, whole: string) =>
        part !== '' && whole.indexOf(part) === whole.lastIndexOf(part);
      fc.pre(isOnce(search, plain) && isOnce(replacement, wanted));
      fc.pre(isWhole(search) && isWhole(wanted));
      fc.pre(newline === '\n' || (plain.includes('\n') && wanted.includes('\n')));
      const there = await content(`replace ${quote(search)} ${quote(replacement)}`, text);
      expect(there.text).toBe(wanted.replaceAll('\n', newline));
      const back = await content(`replace ${quote(replacement)} ${quote(search)}`, there.text);
      expect(back.text).toBe(text);
    }),
  );
});

test('words are read as they were quoted', () => {
  const text = fc.string({ unit: 'grapheme' });
  const style = fc.constantFrom<(word: string) => string>(
    quote,
    (word) => `"${word.replace(/["\\$`]/g, '\\$&')}"`,
    (word) => (/\n/.test(word) || word === '' ? quote(word) : word.replace(/[^a-z]/g, '\\$&')),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, style)), (words) => {
      expect(wordsOf(words.map(([word, quoted]) => quoted(word)).join(' '))).toEqual(
        words.map(([word]) => word),
      );
    }),
  );
});

test('a clipped text keeps its ends and counts what is gone', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.integer({ min: 1, max: 40 }),
      (text, length) => {
        const { text: shown, cut } = clipped(text, length);
        if (text.length <= length) return expect([shown, cut]).toEqual([text, 0]);
        const [start = '', end = ''] = shown.split(`\n[... ${cut} characters left out ...]\n`);
        expect(text.startsWith(start) && text.endsWith(end)).toBe(true);
        expect(start.length + end.length + cut).toBe(text.length);
        expect(start.length + end.length).toBeLessThanOrEqual(length);
        expect(/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(end) || /[\ud800-\udbff]$/.test(start)).toBe(false);
      },
    ),
  );
});
