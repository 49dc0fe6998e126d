import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from './command.js';

/** Name by which the processes of one sandbox can be found on this machine: in the wrapper's command line and in {@link MARKER_VARIABLE}. */
export function markerOf(id: string): string {
  return `assay-sandbox-${id}`;
}

/** Environment variable that carries the marker into all descendants; unset in processes that have ids of their own. */
export const MARKER_VARIABLE = 'ASSAY_SANDBOX';

const KILL_ROUNDS = 100;

/** Sends SIGKILL to a process group, if there still is one. */
export function killGroup(pid: number): void {
  signalProcess(-pid, 'SIGKILL');
}

/**
 * Kills every process of a sandbox, also those that left its process group: found by the marker in the environment (Linux) or by the
 * marker in the command line, with its group (elsewhere).
 */
export function killSandbox(id: string): Promise<void> {
  return killUntilGone(() =>
    process.platform === 'linux' ? findByProc(markerOf(id)) : findByPs(markerOf(id)),
  );
}

/** Kills what `find` finds, again until it finds nothing. */
export async function killUntilGone(find: () => Promise<readonly number[]>): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const pids = await find();
    if (pids.length === 0) return;
    // Stopped first, so that they can't fork while others are still to be killed.
    for (const pid of pids) signalProcess(pid, 'SIGSTOP');
    for (const pid of pids) signalProcess(pid, 'SIGKILL');
    await sleep(Math.min(round, 10) * 2);
  }
}

/** Processes and threads that now run under the user id `uid`; undefined where `/proc` doesn't say. */
export async function threadsOf(uid: number): Promise<number | undefined> {
  const pids = await pidsOfProc().catch(() => undefined);
  if (pids === undefined || process.platform !== 'linux') return undefined;
  const counts = await Promise.all(
    pids.map((pid) =>
      stat(`/proc/${pid}/task`).then(
        // Two links are the folder's own.
        (found) => (found.uid === uid ? found.nlink - 2 : 0),
        () => 0,
      ),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Synchronous, because a thousand small reads of memory take 20 ms this way and far more through the thread pool. */
async function findByProc(marker: string): Promise<readonly number[]> {
  const entry = `${MARKER_VARIABLE}=${marker}`;
  return (await pidsOfProc()).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(entry);
    } catch {
      // Gone, or another user's.
      return false;
    }
  });
}

async function pidsOfProc(): Promise<readonly number[]> {
  return (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
}

async function findByPs(marker: string): Promise<readonly number[]> {
  const rows = await command({ argv: ['/bin/ps', '-A', '-o', 'pid=,pgid=,args='], env: {} });
  const groups = rows
    .split('\n')
    .map((row) => row.trim().match(/^(\d+)\s+(\d+)\s+(.*)$/))
    .filter((row) => row?.[3]?.includes(marker) && Number(row[1]) !== process.pid)
    .map((row) => -Number(row?.[2]));
  return [...new Set(groups)];
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
}
