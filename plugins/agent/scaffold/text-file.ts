import { Buffer, isUtf8 } from 'node:buffer';
import { posix } from 'node:path';
import { AssayError } from '../../../src/index.js';
import { ToolError } from './tool-error.js';
import type { StepContext } from './types.js';

type FileAccess = Pick<StepContext, 'session' | 'signal'>;

/** A file of the sandbox as text; what isn't UTF-8 is Latin-1, which keeps every byte as it is. */
export interface TextFile {
  /** Absolute. */
  readonly path: string;
  /** With its own line endings, without the byte order mark. */
  readonly text: string;
  readonly encoding: 'utf8' | 'latin1';
  readonly mark: '' | '\ufeff';
}

/** A path as the model gives it, made absolute. */
export function absolute(path: string, { session }: FileAccess): string {
  return posix.resolve(session.cwd(), path);
}

export async function readText(path: string, at: FileAccess): Promise<TextFile> {
  const bytes = await inWords(at, at.session.readFile(path, at.signal));
  if (bytes === undefined) throw new ToolError(`${path} isn't there, or is a folder`);
  if (bytes.includes(0)) throw new ToolError(`${path} is no text file`);
  const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(encoding);
  const hasMark = text.startsWith('\ufeff');
  return { path, text: hasMark ? text.slice(1) : text, encoding, mark: hasMark ? '\ufeff' : '' };
}

/** Gives a file another text; encoding and byte order mark stay. */
export async function writeText(file: TextFile, text: string, at: FileAccess): Promise<TextFile> {
  const foreign = file.encoding === 'latin1' ? /[^\0-\xff]/u.exec(text)?.[0] : undefined;
  if (foreign !== undefined)
    throw new ToolError(`${file.path} is encoded in Latin-1, which has no ${JSON.stringify(foreign)}`);
  const content = file.encoding === 'latin1' ? Buffer.from(text, 'latin1') : `${file.mark}${text}`;
  await inWords(at, at.session.writeFile(file.path, content, at.signal));
  return { ...file, text };
}

/** What the shell says of a file is for the model; a fault of the sandbox isn't. */
export async function inWords<T>({ signal }: FileAccess, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    if (error instanceof AssayError || signal.aborted || !(error instanceof Error)) throw error;
    throw new ToolError(error.message);
  }
}

/** Lines with their endings; an empty text is one empty line, so that there is one to edit. */
export function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [''];
}

export function endingOf(line: string): string {
  return /\r?\n$/.exec(line)?.[0] ?? '';
}

/** How a text ends its lines: as its first one does. */
export function newlineOf(text: string): string {
  return endingOf(text.slice(0, text.indexOf('\n') + 1)) || '\n';
}
