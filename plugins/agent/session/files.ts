import { AssayError, type Clock, within } from '../../../src/index.js';
import type { OutputSink } from './output.js';
import type { Shell } from './shell.js';
import { quoted, type Supervisor } from './supervisor.js';

interface FileRequest {
  readonly supervisor: Supervisor;
  readonly shell: Shell;
  readonly sink: OutputSink;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Relative to the folder of the shell. */
  readonly path: string;
}

/** A larger file is no text that anybody edits. */
const MAX_BYTES = 16 * 2 ** 20;
/** Those bytes and one more, as base64. */
const MAX_CHARS = 4 * Math.ceil((MAX_BYTES + 1) / 3);
/** How long the supervisor may be silent, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Undefined where there is no regular file; rejects with an Error in the system's words. */
export async function readFileIn(request: FileRequest): Promise<Uint8Array | undefined> {
  const parts: string[] = [];
  let chars = 0;
  const answer = await ask({
    request,
    verb: 'read',
    more: [String(MAX_BYTES + 1)],
    onPart: (part) => {
      chars += part.length;
      // Whoever takes the key from the pipe of requests could answer without end.
      if (chars <= MAX_CHARS) parts.push(part);
    },
  });
  if (answer === 'missing') return undefined;
  const bytes = Buffer.from(parts.join(''), 'base64');
  if (bytes.length > MAX_BYTES) throw new Error(`${request.path}: longer than ${MAX_BYTES} bytes`);
  return bytes;
}

/** Rejects with an Error in the system's words. */
export async function writeFileIn(
  request: FileRequest & { readonly content: string | Uint8Array },
): Promise<void> {
  const body = Buffer.from(request.content).toString('base64');
  await ask({ request, verb: 'write', body, onPart: () => undefined });
}

interface Question {
  readonly request: FileRequest;
  readonly verb: 'read' | 'write';
  readonly more?: readonly string[];
  readonly body?: string;
  readonly onPart: (text: string) => void;
}

async function ask({ request, verb, more = [], body, onPart }: Question): Promise<string> {
  const { supervisor, shell, sink, clock, signal, path } = request;
  // The kernel knows the shell's folder, even one that was moved or removed.
  const target = path.startsWith('/') ? path : `/proc/${shell.pid()}/cwd/${path}`;
  let forget = () => {};
  let onAbort = () => {};
  const answered = new Promise<string | undefined>((resolve, reject) => {
    onAbort = () => reject(signal.reason);
    supervisor.over.then(() => resolve(undefined), reject);
    forget = supervisor.ask({
      verb,
      args: [quoted(target), ...more],
      body,
      onAnswer: (words) => (words.startsWith('part ') ? onPart(words.slice(5)) : resolve(words)),
    });
  });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const answer = await sink.during(() => within(answered, PATIENCE_MS, clock));
    if (answer === undefined) {
      await supervisor.close(0);
      throw new AssayError('engine_failed', `no answer when asked to ${verb} a file`);
    }
    if (answer.startsWith('failed ')) throw new Error(answer.slice(7).replaceAll(target, path).trim());
    return answer;
  } finally {
    signal.removeEventListener('abort', onAbort);
    forget();
  }
}
