import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScoreRequest, ScoreResponse } from '../../src/model/score.js';
import { packageRoot } from '../../src/util/package.js';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.js';

export interface Service extends Daemon {
  readonly url: string;
}

/** `assay serve` in a process of its own on a free port of loopback, when it takes requests. */
export async function startService(args: readonly string[], options: DaemonOptions): Promise<Service> {
  const { said, ...daemon } = await startDaemon(
    ['serve', ...args, '--port', '0'],
    / instances at (\S+),/,
    options,
  );
  return { ...daemon, url: said };
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
