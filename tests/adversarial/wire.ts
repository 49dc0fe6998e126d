import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

/** A connection to a service, byte by byte. */
export interface Wire {
  readonly socket: Socket;
  /** What came so far. */
  text(): string;
  /** Resolves when the other side has closed it. */
  readonly closed: Promise<void>;
}

export function openWire(url: string): Wire {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const parts: Buffer[] = [];
  socket.on('data', (chunk) => parts.push(chunk));
  // A reset is one way to close.
  socket.on('error', () => undefined);
  socket.once('end', () => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, closed, text: () => Buffer.concat(parts).toString('latin1') };
}

/** Sends bytes as they are; gives what comes back until the service closes, or nothing has come for `quietMs`. */
export async function exchange(url: string, bytes: string | Buffer, quietMs = 400): Promise<string> {
  const wire = openWire(url);
  wire.socket.write(bytes);
  await new Promise<void>((resolve) => {
    // The first byte may take its time.
    let timer = setTimeout(resolve, 5 * quietMs);
    wire.socket.on('data', () => {
      clearTimeout(timer);
      timer = setTimeout(resolve, quietMs);
    });
    void wire.closed.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
  wire.socket.destroy();
  return wire.text();
}

/** The status codes of all answers in a text. */
export function statuses(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, code]) => Number(code));
}

interface RequestParts {
  readonly token?: string;
  readonly headers?: readonly string[];
  /** Absent: no body and no length. */
  readonly body?: string;
}

/** A request in bytes. */
export function requestText(line: string, { token, headers = [], body }: RequestParts = {}): string {
  const lines = [
    ...[`${line} HTTP/1.1`, 'Host: x', ...headers],
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...(body === undefined
      ? []
      : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

/** MiB of memory that a process has had at most. */
export function peakMemory(pid: number): number {
  return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** The most files that a process may have open. */
export function mostFiles(pid: number | 'self'): number {
  return Number(/Max open files\s+(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1]);
}
