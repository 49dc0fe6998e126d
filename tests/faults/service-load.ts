import { setTimeout as sleep } from 'node:timers/promises';
import type { ScoreResponse } from '../../src/model/score.js';
import { notesPatch } from '../helpers/patches.js';
import { post, type Service, sampleRows } from '../helpers/service.js';

/** A patch whose reward is known beforehand. */
export interface Known {
  readonly request: { readonly instance_id: string; readonly patch: string; readonly strict: boolean };
  readonly reward: number;
}

/** Patches without end, each another one: gold ones with some notes beside, and notes alone. */
export function* knownPatches(name: string): Generator<Known, never> {
  const rows = sampleRows();
  for (let index = 0; ; index++) {
    const { instance_id, patch } = rows[(index * 7) % rows.length] ?? { instance_id: '', patch: '' };
    const isGold = index % 3 !== 2;
    const notes = notesPatch(`${name} ${index}`);
    yield {
      request: { instance_id, patch: isGold ? patch + notes : notes, strict: index % 2 === 0 },
      reward: isGold ? 1 : 0,
    };
  }
}

/** What a client got for a patch in the end, and the answers without a reward on the way. */
export interface Got {
  readonly key: string;
  /** Null: it is unscorable, and won't be otherwise. */
  readonly reward: number | null;
  readonly expected: number;
  readonly failures: readonly string[];
}

/** The service at the moment; it may be gone. */
export interface Target {
  url: string;
}

const PAUSE_MS = 50;
/** A client gives up when the service has not come back for so long. */
const PATIENCE_MS = 150_000;

type Ask = (target: Target) => Promise<{ readonly status: number; readonly body: ScoreResponse }>;

/** Asks until the answer is final, as a client does that takes a lost connection and a failure that may pass for reasons to ask again. */
async function persist({ reward }: Known, target: Target, ask: Ask): Promise<Got> {
  const failures: string[] = [];
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(PAUSE_MS)) {
    const answer = await ask(target).catch((error: unknown) => {
      // What fetch throws for a connection that is lost; of another realm in a test runner.
      if ((error as Error).name === 'TypeError') return undefined;
      throw error;
    });
    if (answer === undefined) continue;
    const { status, body } = answer;
    const got = { key: body.key, reward: body.reward, expected: reward, failures };
    if (body.status === 'scored') return got;
    if (status !== 503 && !(status === 200 && body.status === 'unscorable'))
      throw new Error(`status ${status}: ${JSON.stringify(body)}`);
    failures.push(body.failure?.code ?? 'refused');
    if (body.status === 'unscorable' && body.reward !== null)
      throw new Error(`a failure with a reward: ${JSON.stringify(body)}`);
    if (status === 200 && body.failure?.code !== 'disk_full') return got;
  }
  throw new Error(`no reward within ${PATIENCE_MS} ms; on the way: ${failures.slice(-5).join(', ')}`);
}

/** Waits for its answer. */
export const askAndWait = (known: Known, target: Target): Promise<Got> =>
  persist(known, target, ({ url }) => post<ScoreResponse>(`${url}/v1/score`, known.request));

/** Begins a job, and asks for it: what was taken once must be known ever after. */
export function beginAndFetch(known: Known, target: Target): Promise<Got> {
  let path: string | undefined;
  return persist(known, target, async ({ url }) => {
    if (path === undefined) {
      const begun = await post<ScoreResponse & { readonly url?: string }>(`${url}/v1/jobs`, known.request);
      path = begun.body.url;
      if (path === undefined) return begun;
    }
    for (const job = path; ; ) {
      const response = await fetch(`${url}${job}${job.includes('?') ? '&' : '?'}wait=5`);
      const body = (await response.json()) as ScoreResponse;
      // It ended without a reward: the next one is another job.
      if (body.status === 'unscorable') path = undefined;
      if (response.status !== 202) return { status: response.status, body };
    }
  });
}

/** Keeps so many clients busy, every third one with jobs, until `isOver`; gives all that they got. */
export async function load(
  target: Target,
  {
    clients,
    patches,
    isOver,
  }: { readonly clients: number; readonly patches: Iterator<Known, never>; readonly isOver: () => boolean },
): Promise<readonly Got[]> {
  const got: Got[] = [];
  const client = async (ask: typeof askAndWait) => {
    while (!isOver()) got.push(await ask(patches.next().value, target));
  };
  await Promise.all(
    Array.from({ length: clients }, (_, index) => client(index % 3 === 2 ? beginAndFetch : askAndWait)),
  );
  return got;
}

/** Those that are not what they must be. */
export const wrongOf = (got: readonly Got[]) => got.filter(({ reward, expected }) => reward !== expected);

/** How often each key was graded, by the logs of all lives of a service. */
export function gradings(lives: readonly Pick<Service, 'lines'>[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of lives.flatMap(({ lines }) => lines)) {
    const key = line.includes('"graded"') ? /"key":"([0-9a-f]{64})"/.exec(line)?.[1] : undefined;
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
