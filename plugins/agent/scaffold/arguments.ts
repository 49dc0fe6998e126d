import { ToolError } from './tool-error.js';

/** A piece of a text as a shell reads it, and the index behind it. */
interface Read {
  readonly value: string;
  readonly end: number;
}

/** The word at or after `from`: quotes and backslashes mean what they mean to a shell, and nothing is expanded. */
export function wordAt(text: string, from: number): Read | undefined {
  let at = from;
  while (isSpace(text[at]) || text.startsWith('\\\n', at)) at += isSpace(text[at]) ? 1 : 2;
  if (at >= text.length) return undefined;
  let value = '';
  while (at < text.length && !isSpace(text[at])) {
    const piece = pieceAt(text, at);
    value += piece.value;
    at = piece.end;
  }
  return { value, end: at };
}

/** All words of a text. */
export function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  for (let word = wordAt(text, 0); word !== undefined; word = wordAt(text, word.end)) words.push(word.value);
  return words;
}

/** What a quoted text holds; undefined unless it is in one pair of quotes from end to end. */
export function unquoted(text: string): string | undefined {
  if (!/^["']/.test(text) || text.indexOf(text.charAt(0), 1) === -1) return undefined;
  const { value, end } = pieceAt(text, 0);
  return end === text.length ? value : undefined;
}

/** A number of lines as an argument. */
export function lineNumber(word: string): number {
  if (!/^\d{1,15}$/.test(word)) throw new ToolError(`${JSON.stringify(word)} is no line number`);
  return Number(word);
}

function pieceAt(text: string, at: number): Read {
  const char = text.charAt(at);
  if (char === "'") return singleQuoted(text, at);
  if (char === '"') return doubleQuoted(text, at);
  if (char !== '\\') return { value: char, end: at + 1 };
  const next = text.charAt(at + 1);
  if (next === '') return { value: char, end: at + 1 };
  return { value: next === '\n' ? '' : next, end: at + 2 };
}

function singleQuoted(text: string, at: number): Read {
  const close = text.indexOf("'", at + 1);
  if (close === -1) throw unclosed("'");
  return { value: text.slice(at + 1, close), end: close + 1 };
}

function doubleQuoted(text: string, at: number): Read {
  let value = '';
  for (let i = at + 1; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '"') return { value, end: i + 1 };
    const next = text.charAt(i + 1);
    const isEscape = char === '\\' && next !== '' && '"\\$`\n'.includes(next);
    value += !isEscape ? char : next === '\n' ? '' : next;
    if (isEscape) i++;
  }
  throw unclosed('"');
}

function unclosed(quote: string): ToolError {
  return new ToolError(`a quote isn't closed: ${quote}`);
}

function isSpace(char: string | undefined): boolean {
  return char !== undefined && /\s/.test(char);
}
