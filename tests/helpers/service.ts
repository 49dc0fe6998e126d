import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ScoreRequest, ScoreResponse } from '../../src/model/score.js';
import { packageRoot } from '../../src/util/package.js';

const MAIN = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');

export interface Service {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it wrote to stderr so far. */
  readonly lines: readonly string[];
  /** Sends the signal and waits for the end; gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

interface ServiceOptions {
  readonly cache: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets the process before it is ready, to send it signals. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** `assay serve` in a process of its own on a free port of loopback, when it takes requests. */
export async function startService(
  args: readonly string[],
  { cache, env, onStart }: ServiceOptions,
): Promise<Service> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is not built: npm run build`);
  const child = spawn(process.execPath, [MAIN, 'serve', ...args, '--port', '0'], {
    env: { PATH: process.env['PATH'], HOME: cache, ASSAY_CACHE: cache, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onStart?.(child);
  const lines: string[] = [];
  const ended = once(child, 'close');
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      lines.push(line);
      const found = / instances at (\S+),/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(([code]) => reject(new Error(`assay serve ended with ${code}: ${lines.join('\n')}`)));
  });
  return {
    url,
    child,
    lines,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

interface Answer<T> {
  readonly status: number;
  readonly headers: Response['headers'];
  readonly body: T;
}

/** Posts JSON; gives status, headers and the parsed body. */
export async function post<T>(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<T>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

export function score(service: Pick<Service, 'url'>, request: ScoreRequest): Promise<Answer<ScoreResponse>> {
  return post<ScoreResponse>(`${service.url}/v1/score`, request);
}

interface SampleRow {
  readonly instance_id: string;
  readonly patch: string;
}

/** The rows of the sample benchmark. */
export function sampleRows(): readonly SampleRow[] {
  return readFileSync(join(packageRoot(), 'datasets', 'sample', 'instances.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SampleRow);
}
