import { cut } from '../../../../src/index.js';
import { wordsOf } from '../arguments.js';
import { newlineOf, readText, writeText } from '../text-file.js';
import { ToolError } from '../tool-error.js';
import { needOpenFile, type Tool } from './tool.js';
import { around } from './view.js';

const ALL = '--replace-all';

/** `replace [--replace-all] SEARCH REPLACE` in the open file. */
export const replace: Tool = async (args, at) => {
  const words = wordsOf(args);
  const isAll = words.includes(ALL);
  const [search, replacement, ...more] = words.filter((word) => word !== ALL);
  if (search === undefined || replacement === undefined || more.length > 0)
    throw new ToolError('`replace` takes SEARCH and REPLACE: put each of them in quotes');
  const file = await readText(needOpenFile(at).path, at);
  const found = linesWith(file.text, search);
  const [line] = found;
  if (line === undefined)
    throw new ToolError(
      `${quoted(search)} isn't in ${file.path}: it has to match exactly, with all its spaces`,
    );
  if (found.length > 1 && !isAll)
    throw new ToolError(
      `${quoted(search)} is in ${file.path} ${found.length} times (${linesInWords(found)}): take more of the text around the right one, or \`${ALL}\``,
    );
  const text = replaced(file.text, search, replacement);
  const view = around(await writeText(file, text, at), line);
  return { ...view, text: `Replaced ${quoted(search)} (${linesInWords(found)}).\n${view.text}` };
};

/** Every place of `search` in the text exchanged, in the text's own line endings. */
export function replaced(text: string, search: string, replacement: string): string {
  const own = replacement.replace(/\r?\n/g, newlineOf(text));
  return text.replace(pattern(search), () => own);
}

/** Line numbers of all places where `search` begins, also of those that overlap. */
function linesWith(text: string, search: string): readonly number[] {
  const places = pattern(search);
  const lines: number[] = [];
  let line = 1;
  let seen = 0;
  for (let match = places.exec(text); match !== null; match = places.exec(text)) {
    line += text.slice(seen, match.index).split('\n').length - 1;
    seen = match.index;
    lines.push(line);
    places.lastIndex = match.index + 1;
  }
  return lines;
}

/** SEARCH comes with plain newlines, whatever the file has; half a CRLF is none. */
function pattern(search: string): RegExp {
  if (search === '') throw new ToolError('SEARCH is empty');
  const literal = search.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  return new RegExp(literal.replace(/\r?\n/g, '(?:\\r\\n|(?<!\\r)\\n)'), 'g');
}

function linesInWords(lines: readonly number[]): string {
  const [first = 0, ...more] = lines;
  if (more.length === 0) return `line ${first}`;
  const shown = lines.slice(0, 10).join(', ');
  return `lines ${shown}${lines.length > 10 ? ` and ${lines.length - 10} more` : ''}`;
}

function quoted(text: string): string {
  return JSON.stringify(cut(text));
}
