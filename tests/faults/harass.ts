import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One request at the real engine, past the proxy; undefined where it doesn't answer. */
async function ask(socketPath: string, method: string, path: string) {
  return new Promise<{ readonly status: number; readonly body: string } | undefined>((resolve) => {
    const asked = request({ socketPath, method, path }, async (answer) => {
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString() });
    });
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}

/** Ids of all containers with a label, running or not. */
export async function containersWith(socketPath: string, label: string): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  const answer = await ask(socketPath, 'GET', `/containers/json?all=true&filters=${filters}`);
  if (answer?.status !== 200) throw new Error(`the engine does not list its containers: ${answer?.body}`);
  return (JSON.parse(answer.body) as { Id: string }[]).map(({ Id }) => Id);
}

interface HarassOptions {
  readonly socketPath: string;
  readonly label: string;
  readonly random: () => number;
  /** Mean time between two faults. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
  readonly onFault: (kind: string) => void;
}

/** Docker 20.10 hangs for ever when a container is paused while a command starts in it; the tests are the last command of a container. */
const runsTests = async (socketPath: string, id: string) =>
  (await ask(socketPath, 'GET', `/containers/${id}/top`))?.body.includes('/bin/bash /eval.sh"') ?? false;

/** Kills or pauses random containers with a label until the signal aborts. */
export async function harassContainers(options: HarassOptions): Promise<void> {
  const { socketPath, label, random, everyMs, signal, onFault } = options;
  while (!signal.aborted) {
    await sleep(everyMs * (0.5 + random()), undefined, { signal }).catch(() => {});
    const ids = await containersWith(socketPath, label).catch(() => []);
    const id = ids[Math.floor(random() * ids.length)];
    if (id === undefined || signal.aborted) continue;
    const what = random() < 0.4 && (await runsTests(socketPath, id)) ? 'pause' : 'kill';
    const answer = await ask(socketPath, 'POST', `/containers/${id}/${what}`);
    if (answer?.status === 204) onFault(what === 'kill' ? 'container killed' : 'container paused');
  }
}
