import { lineNumber, unquoted, wordAt } from '../arguments.js';
import { hereDocument } from '../here-document.js';
import { absolute, endingOf, linesOf, newlineOf, readText, writeText } from '../text-file.js';
import { ToolError } from '../tool-error.js';
import { counted, needOpenFile, type Tool } from './tool.js';
import { around } from './view.js';

interface Range {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/** `edit [--file FILE] START:END [TEXT]` */
export const edit: Tool = async (args, at) => {
  const { path, range, text } = parse(args);
  const file = await readText(path === undefined ? needOpenFile(at).path : absolute(path, at), at);
  const edited = await writeText(file, withLines(file.text, range, text), at);
  const view = around(edited, range.start);
  const isOpen = file.path === at.openFile?.path;
  const summary = `Replaced lines ${range.start} to ${range.end} by ${counted(contentLines(text).length, 'line')}.`;
  return { text: `${summary}\n${view.text}`, ...(isOpen ? { openFile: view.openFile } : {}) };
};

/** The text with the lines of the range exchanged for those of `content`; line endings and a missing last one stay as they are. */
export function withLines(text: string, { start, end }: Range, content: string): string {
  const lines = linesOf(text);
  if (start < 1 || end > lines.length || start > end)
    throw new ToolError(
      `${start}:${end} is no range of lines: the file has ${counted(lines.length, 'line')}, START and END count from 1 and are both replaced`,
    );
  const newline = endingOf(lines[start - 1] ?? '') || newlineOf(text);
  const last = text === '' ? newline : endingOf(lines[end - 1] ?? '');
  const fresh = contentLines(content);
  const middle = fresh.length === 0 ? '' : fresh.join(newline) + last;
  const before = lines.slice(0, start - 1).join('');
  const after = lines.slice(end).join('');
  const isEndGone = middle === '' && after === '' && last === '';
  return (isEndGone ? before.slice(0, before.length - endingOf(before).length) : before) + middle + after;
}

function contentLines(content: string): readonly string[] {
  return content === '' ? [] : content.replace(/\r?\n$/, '').split(/\r?\n/);
}

function parse(args: string): { readonly path?: string; readonly range: Range; readonly text: string } {
  let path: string | undefined;
  let range: Range | undefined;
  for (let end = 0; ; ) {
    const option = /^[ \t]*--file(?:=|[ \t]+)/.exec(args.slice(end))?.[0];
    if (option === undefined && range !== undefined)
      return { path, range, text: replacement(args.slice(end)) };
    const word = wordAt(args, end + (option?.length ?? 0));
    if (word === undefined) throw new ToolError('`edit` needs a range of lines, e.g. `edit 3:5`');
    if (option === undefined) range = rangeOf(word.value);
    else path = word.value;
    end = word.end;
  }
}

function rangeOf(word: string): Range {
  const [start, end, ...more] = word.split(':');
  if (start === undefined || end === undefined || more.length > 0)
    throw new ToolError(`${JSON.stringify(word)} is no range of lines such as 3:5`);
  return { start: lineNumber(start), end: lineNumber(end) };
}

/** The new text: a here-document, what is on the following lines, or what is behind one space on the same line. */
function replacement(rest: string): string {
  const document = hereDocument(rest);
  if (document !== undefined) return document;
  const lineEnd = /^[ \t]*\n/.exec(rest)?.[0];
  if (lineEnd !== undefined) return `${rest.slice(lineEnd.length)}\n`;
  if (rest.trim() === '') return '';
  return unquoted(rest.trim()) ?? rest.slice(1);
}
