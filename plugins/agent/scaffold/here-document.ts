import { ToolError } from './tool-error.js';

const OPERATOR = String.raw`<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|\\?([\w.-]+))`;
const ANYWHERE = new RegExp(`(?<!<)${OPERATOR}`, 'g');
const ALONE = new RegExp(String.raw`^[ \t]*${OPERATOR}[ \t]*(?:\n|$)`);

interface Delimiter {
  readonly word: string;
  /** `<<-`: tabs before the delimiter and the text don't count. */
  readonly stripsTabs: boolean;
}

/** The delimiters of the here-documents that a line of shell may begin. */
export function delimitersIn(line: string): readonly Delimiter[] {
  return [...line.matchAll(ANYWHERE)].map(delimiterOf);
}

/** The body of a text that is one here-document, with nothing expanded; undefined where the first line doesn't begin one. */
export function hereDocument(text: string): string | undefined {
  const match = ALONE.exec(text);
  if (match === null) return undefined;
  const { word, stripsTabs } = delimiterOf(match);
  const body = stripsTabs ? text.replace(/(?<=\n)\t+/g, '') : text;
  const lines = body.split('\n').slice(1);
  const end = lines.indexOf(word);
  if (end === -1) throw new ToolError(`the here-document isn't closed by a line ${word}`);
  if (lines.slice(end + 1).some((line) => line.trim() !== ''))
    throw new ToolError(
      `nothing may follow the line ${word}: if it is part of the text, choose another word for the end`,
    );
  return lines
    .slice(0, end)
    .map((line) => `${line}\n`)
    .join('');
}

function delimiterOf([, dash, ...words]: RegExpMatchArray): Delimiter {
  return { word: words.find((word) => word !== undefined) ?? '', stripsTabs: dash === '-' };
}
