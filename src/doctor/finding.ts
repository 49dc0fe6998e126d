import { AssayError } from '../errors.js';
import { type Clock, within } from '../util/clock.js';
import { messageOf } from '../util/words.js';

/** `skip`: not looked at, and why is in `found`. */
export type Status = 'ok' | 'warn' | 'fail' | 'skip';

/** What a look at one thing gave. */
export interface Finding {
  readonly status: Status;
  readonly found: string;
  /** What to do; there for `warn` and `fail`. */
  readonly fix?: string;
}

export const ok = (found: string): Finding => ({ status: 'ok', found });
export const skip = (found: string): Finding => ({ status: 'skip', found });
export const warn = (found: string, fix: string): Finding => ({ status: 'warn', found, fix });
export const fail = (found: string, fix: string): Finding => ({ status: 'fail', found, fix });

/** One thing to look at. */
export interface Check {
  readonly name: string;
  /** Aborted when the time is over. */
  readonly look: (signal: AbortSignal) => Promise<Finding>;
}

/** A finding under the name of its check. */
export interface Line extends Finding {
  readonly check: string;
}

/** Runs all checks at once, each for at most `ms` milliseconds; one that hangs or throws is a `fail` and stops no other. */
export function runChecks(
  checks: readonly Check[],
  { clock, ms }: { readonly clock: Clock; readonly ms: number },
): readonly Promise<Line>[] {
  return checks.map(async ({ name, look }) => {
    const over = new AbortController();
    const looking = Promise.resolve(over.signal).then(look).catch(failure);
    const finding = await within(looking, ms, clock);
    if (finding === undefined) over.abort();
    return { check: name, ...(finding ?? late(ms)) };
  });
}

function failure(error: unknown): Finding {
  const fix =
    error instanceof AssayError
      ? error.fix
      : 'Please report this: the check itself failed, so nothing is known.';
  return fail(messageOf(error), fix);
}

function late(ms: number): Finding {
  return fail(
    `no answer in ${ms / 1000} s`,
    'Look for what hangs: a full or remote disk, a network that swallows packets, an engine that is stuck.',
  );
}
