import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from './command.js';

/** Name by which the processes of one sandbox can be found on this machine: it is in the wrapper's command line. */
export function markerOf(id: string): string {
  return `assay-sandbox-${id}`;
}

/** Environment variable that carries the marker into all descendants, where process ids aren't separated. */
export const MARKER_VARIABLE = 'ASSAY_SANDBOX';

const KILL_ROUNDS = 100;

/** Sends SIGKILL to a process group, if there still is one. */
export function killGroup(pid: number): void {
  signalProcess(-pid, 'SIGKILL');
}

/**
 * Kills every process of a sandbox, also those that left its process group: found by the marker in command line or environment
 * (Linux), by the marker in the command line together with its group (elsewhere), and by `others`, e.g. a control group.
 */
export async function killSandbox(id: string, others?: () => Promise<readonly number[]>): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const marked = process.platform === 'linux' ? findByProc(markerOf(id)) : findByPs(markerOf(id));
    const pids = [...(await marked), ...((await others?.()) ?? [])];
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

async function findByProc(marker: string): Promise<readonly number[]> {
  const found = await Promise.all(
    (await pidsOfProc()).map(async (pid) => {
      const [cmdline, environ] = await Promise.all([
        readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''),
        readFile(`/proc/${pid}/environ`, 'latin1').catch(() => ''),
      ]);
      return cmdline.includes(marker) || environ.includes(`${MARKER_VARIABLE}=${marker}`) ? [pid] : [];
    }),
  );
  return found.flat();
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
