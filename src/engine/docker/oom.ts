import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type Docker from 'dockerode';

/** Which containers the kernel took memory from by force. */
export interface OomWatch {
  /** Sees to it that the stream of events is open, without waiting for it. */
  open(docker: Docker): void;
  has(containerId: string): boolean;
  forget(containerId: string): void;
  close(): void;
}

/**
 * Follows the engine's `oom` events on one connection that doesn't keep the process alive. Events and not `State.OOMKilled`, because
 * Docker 20.10 sets that flag only when a container's first process ends, not for a process started by exec.
 */
export function oomWatch(): OomWatch {
  const killed = new Set<string>();
  const closing = new AbortController();
  let isOpen = false;

  async function follow(docker: Docker): Promise<void> {
    const events = (await docker.getEvents({
      filters: { type: ['container'], event: ['oom'] },
      abortSignal: closing.signal,
    })) as IncomingMessage;
    events.socket.unref();
    events.once('error', () => {}); // an error is followed by `close`
    for await (const line of createInterface({ input: events })) {
      const id = /"id":"([0-9a-f]+)"/i.exec(line)?.[1];
      if (id !== undefined) killed.add(id);
    }
  }

  return {
    open(docker) {
      if (isOpen || closing.signal.aborted) return;
      isOpen = true;
      follow(docker)
        .catch(() => {}) // without events an exit by SIGKILL still shows in the exit code; the next start tries again
        .finally(() => {
          isOpen = false;
        });
    },
    has: (containerId) => killed.has(containerId),
    forget: (containerId) => void killed.delete(containerId),
    close: () => closing.abort(),
  };
}
