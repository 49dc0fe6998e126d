import { cut, type FormatError } from '../../../src/index.js';
import { delimitersIn } from './here-document.js';

interface Fence {
  readonly indent: number;
  readonly marks: string;
  /** What stands behind the marks. */
  readonly info: string;
}

interface Block {
  readonly info: string;
  readonly text: string;
  readonly isClosed: boolean;
}

export interface Missing {
  readonly formatError: FormatError;
  /** One sentence. */
  readonly reason: string;
}

export type Found = { readonly command: string } | Missing;

/** The text of the one fenced block with this tag in a model's answer. */
export function commandIn(answer: string, tag: string): Found {
  const blocks = blocksIn(answer, tag);
  const tagged = blocks.filter(({ info }) => tagOf(info) === tag);
  if (tagged.length > 1)
    return {
      formatError: 'several_commands',
      reason: `Your answer has ${tagged.length} blocks tagged \`${tag}\`, and a turn runs one command.`,
    };
  const none = (reason: string): Missing => ({ formatError: 'no_command', reason });
  const [block] = tagged;
  if (block === undefined) return none(`Your answer has ${othersOf(blocks)} tagged \`${tag}\`.`);
  // It may be a part of what was meant: `rm -rf build/tmp` that is cut off must not run as `rm -rf build`.
  if (!block.isClosed) return none(`The block tagged \`${tag}\` isn't closed.`);
  if (block.text.trim() === '') return none(`The block tagged \`${tag}\` is empty.`);
  return { command: block.text };
}

function othersOf([other]: readonly Block[]): string {
  if (other === undefined) return 'no block';
  return `a block ${other.info === '' ? 'without a tag' : `tagged \`${cut(other.info, 40)}\``}, but none`;
}

/** Fenced code blocks as CommonMark has them, but for one thing: in blocks with `tag`, a here-document may hold fences. */
function blocksIn(answer: string, tag: string): readonly Block[] {
  const lines = answer.split('\n');
  const bare = lines.map((line) => line.replace(/\r$/, ''));
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = openingFence(bare[at] ?? '');
    if (fence === undefined) continue;
    const end = endOf(bare, at + 1, { fence, tag });
    // CRLF at the fence: it is how the answer ends its lines, and no part of the command.
    const content = (lines[at] === bare[at] ? lines : bare).slice(at + 1, end);
    const text = content.map((line) => unindented(line, fence)).join('\n');
    blocks.push({ info: fence.info, text, isClosed: end < lines.length });
    at = end;
  }
  return blocks;
}

/** Index of the closing fence, or the number of lines. */
function endOf(
  lines: readonly string[],
  start: number,
  { fence, tag }: { fence: Fence; tag: string },
): number {
  // What begins like a here-document and has no end before the next command block is none, or lacks its end.
  const reach = tagOf(fence.info) === tag ? nextOpening(lines, start, tag) : start;
  const body = lines.slice(start, reach).map((line) => unindented(line, fence));
  const tabless = body.map((line) => line.replace(/^\t+/, ''));
  for (let at = start; at < lines.length; at++) {
    if (isClosing(lines[at] ?? '', fence)) return at;
    for (const { word, stripsTabs } of delimitersIn(body[at - start] ?? '')) {
      const end = (stripsTabs ? tabless : body).indexOf(word, at - start + 1);
      if (end !== -1) at = start + end;
    }
  }
  return lines.length;
}

/** Index of the next line that may begin a block with `tag`, or the number of lines. */
function nextOpening(lines: readonly string[], start: number, tag: string): number {
  for (let at = start; at < lines.length; at++)
    if (tagOf(openingFence(lines[at] ?? '')?.info ?? '') === tag) return at;
  return lines.length;
}

/** A line of a block without the indentation that its fence has. */
function unindented(line: string, { indent }: Fence): string {
  return line.slice(Math.min(indent, line.search(/[^ ]|$/)));
}

function openingFence(line: string): Fence | undefined {
  const match = /^( {0,3})(`{3,}|~{3,})(.*)$/s.exec(line);
  if (match === null) return undefined;
  const [, indent = '', marks = '', info = ''] = match;
  if (marks.startsWith('`') && info.includes('`')) return undefined;
  return { indent: indent.length, marks, info: info.trim() };
}

function isClosing(line: string, { marks }: Fence): boolean {
  const match = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line);
  return match?.[1]?.startsWith(marks) ?? false;
}

function tagOf(info: string): string {
  return info.split(/\s/, 1)[0] ?? '';
}
