import { ToolError } from './tool-error.js';

const OPERATOR = String.raw`<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|\\?([\w.-]+))`;
const ANYWHERE = new RegExp(`(?<!<)${OPERATOR}`, 'g');
const ALONE = new RegExp(String.raw`^[ \t]*${OPERATOR}[ \t]*(?:\n|$)`);

export interface Delimiter {
  readonly word: string;
  /** `<<-`: tabs before the delimiter and the text don't count. */
  readonly stripsTabs: boolean;
}

/** The delimiters of the here-documents that a line of shell may begin. */
export function delimitersIn(line: string): readonly Delimiter[] {
  return [...line.matchAll(ANYWHERE)].map(delimiterOf);
}

export function isEndOf(line: string, { word, stripsTabs }: Delimiter): boolean {
  return (stripsTabs ? line.replace(/^\t+/, '') : line) === word;
}

/** The body of a text that is one here-document, with nothing expanded; undefined where the first line doesn't begin one. */
export function hereDocument(text: string): string | undefined {
  const match = ALONE.exec(text);
  if (match === null) return undefined;
  const delimiter = delimiterOf(match);
  const lines = text.slice(match[0].length).split('\n');
  const end = lines.findIndex((line) => isEndOf(line, delimiter));
  if (end === -1) throw new ToolError(`the here-document isn't closed by a line ${delimiter.word}`);
  if (lines.slice(end + 1).some((line) => line.trim() !== ''))
    throw new ToolError(
      `nothing may follow the line ${delimiter.word}: if it is part of the text, choose another word for the end`,
    );
  const body = lines.slice(0, end).map((line) => (delimiter.stripsTabs ? line.replace(/^\t+/, '') : line));
  return body.map((line) => `${line}\n`).join('');
}

function delimiterOf([, dash, ...words]: RegExpMatchArray): Delimiter {
  return { word: words.find((word) => word !== undefined) ?? '', stripsTabs: dash === '-' };
}
