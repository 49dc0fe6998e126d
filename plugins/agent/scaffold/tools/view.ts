import { lineNumber, wordsOf } from '../arguments.js';
import { shortened } from '../clip.js';
import { absolute, endingOf, linesOf, readText, type TextFile } from '../text-file.js';
import { ToolError } from '../tool-error.js';
import { counted, needOpenFile, type Tool, type ToolContext, type ToolResult } from './tool.js';

/** Lines that are shown at once. */
const WINDOW = 100;
/** Lines shown above the one that was asked for. */
const ABOVE = 10;
/** Characters of a line that are shown. */
const LINE_LENGTH = 1000;

/** A window of the file with `line` near its top. */
export function around(file: TextFile, line: number): Required<ToolResult> {
  return window(file, line - ABOVE);
}

/** A line as the tools show it. */
export function numbered(line: string, number: number): string {
  return `${number}:${shortened(line.slice(0, line.length - endingOf(line).length), LINE_LENGTH)}`;
}

/** `open [FILE] [LINE]` */
export const open: Tool = async (args, at) => {
  const [path, line, ...more] = wordsOf(args);
  if (more.length > 0) throw new ToolError('`open` takes a file and a line number, and no more');
  if (path === undefined) return windowFrom(at, (first) => first);
  const file = await readText(absolute(path, at), at);
  return line === undefined ? window(file, 1) : around(file, existing(file, line));
};

/** `goto LINE` */
export const goto: Tool = async (args, at) => {
  const { path } = needOpenFile(at);
  const [line, ...more] = wordsOf(args);
  if (line === undefined || more.length > 0) throw new ToolError('`goto` takes one line number');
  const file = await readText(path, at);
  return around(file, existing(file, line));
};

/** `scroll_down` and `scroll_up`. */
export function scroll(direction: 1 | -1): Tool {
  const name = direction === 1 ? 'scroll_down' : 'scroll_up';
  return async (args, at) => {
    if (args.trim() !== '') throw new ToolError(`\`${name}\` takes no arguments`);
    return windowFrom(at, (first, last) => {
      const next = Math.min(Math.max(first + direction * WINDOW, 1), last);
      if (next === first)
        throw new ToolError(`the ${direction === 1 ? 'end' : 'start'} of the file is shown already`);
      return next;
    });
  };
}

/** A window of the open file; `choose` gets its first line now and the last one that it may begin at. */
async function windowFrom(
  at: ToolContext,
  choose: (first: number, last: number) => number,
): Promise<Required<ToolResult>> {
  const { path, line } = needOpenFile(at);
  const file = await readText(path, at);
  const last = lastStart(linesOf(file.text).length);
  return window(file, choose(Math.min(line, last), last));
}

function lastStart(lines: number): number {
  return Math.max(1, lines - WINDOW + 1);
}

function window({ path, text }: TextFile, start: number): Required<ToolResult> {
  const lines = linesOf(text);
  const first = Math.max(1, Math.min(start, lastStart(lines.length)));
  const shown = lines.slice(first - 1, first - 1 + WINDOW);
  const below = lines.length - (first - 1 + shown.length);
  const parts = [
    `[${path}: ${counted(lines.length, 'line')}]`,
    ...(first > 1 ? [`(${counted(first - 1, 'line')} above)`] : []),
    ...shown.map((line, index) => numbered(line, first + index)),
    ...(below > 0 ? [`(${counted(below, 'line')} below)`] : []),
  ];
  return { text: parts.join('\n'), openFile: { path, line: first } };
}

function existing({ path, text }: TextFile, word: string): number {
  const line = lineNumber(word);
  const { length } = linesOf(text);
  if (line < 1 || line > length)
    throw new ToolError(`there is no line ${line}: ${path} has ${counted(length, 'line')}`);
  return line;
}
