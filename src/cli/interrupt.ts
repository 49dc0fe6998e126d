import { EXIT } from './exit.js';
import type { Host } from './host.js';

export interface Interrupt {
  /** Aborted by the first Ctrl-C: no new work. */
  readonly drain: AbortSignal;
  /** Aborted by the second: running work is killed. */
  readonly kill: AbortSignal;
  release(): void;
}

/**
 * First Ctrl-C drains, second kills, third exits at once. SIGTERM and SIGHUP kill at once, as nobody waits after them; for a service, whose
 * operator does, SIGTERM is as Ctrl-C.
 */
export function listenForInterrupt(host: Host, { isService = false } = {}): Interrupt {
  const drain = new AbortController();
  const kill = new AbortController();
  let presses = 0;
  const onInterrupt = () => {
    presses++;
    if (presses === 1) {
      host.err(
        `${isService ? '' : '\nCtrl-C: '}running instances end, no new ones start. Again to kill them, a third time to exit at once.`,
      );
      drain.abort(new Error('interrupted'));
    } else if (presses === 2) {
      host.err('\nCtrl-C: killing what runs.');
      kill.abort(new Error('interrupted'));
    } else {
      process.exit(EXIT.interrupted);
    }
  };
  const onTerminate = () => {
    drain.abort(new Error('terminated'));
    kill.abort(new Error('terminated'));
  };
  process.on('SIGINT', onInterrupt);
  const onSigterm = isService ? onInterrupt : onTerminate;
  process.on('SIGTERM', onSigterm);
  process.on('SIGHUP', onTerminate);
  return {
    drain: drain.signal,
    kill: kill.signal,
    release() {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onSigterm);
      process.off('SIGHUP', onTerminate);
    },
  };
}
