import { readFileSync } from 'node:fs';
import { hasCode } from './files.js';

/** Names one process for good: a process id comes back, the pair of id and start time does not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot where the system tells (Linux), else an empty string. */
  readonly started: string;
}

/** Identity of a live process, or undefined when there is none with that id. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!hasCode(error, 'EPERM')) return undefined;
  }
  return { pid, started: startTime(pid) };
}

/** True while the process with exactly this identity lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.started === identity.started;
}

function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the second field is the command in brackets and may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
