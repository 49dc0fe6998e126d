import { withDeadline } from '../container/deadline.js';
import { outputOf } from '../container/output.js';
import { EVAL_SCRIPT, runTests } from '../container/test-log.js';
import type { Container, ImageInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { Phase } from '../model/verdict.js';
import { containerSpec, type Job, type RunInstanceContext } from '../run-instance.js';
import { beforeReinstall, withoutReinstall } from './rule.js';
import { WATCH } from './watch.js';

export type ObserveContext = Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'reinstall'>;

interface Observed {
  readonly job: Job;
  readonly image: ImageInfo;
  readonly context: ObserveContext;
}

/** How a step ended, and the files of the tree that it opened. */
export interface Seen {
  readonly exitCode: number;
  readonly opened: string[];
}

/** Runs a step of the script in the untouched tree. Rejects where not all that it opens can be seen. */
export function watchStep(step: string, observed: Observed): Promise<Seen> {
  const { spec } = observed.job;
  const script = `${beforeReinstall(spec.evalScript)}\npython ${WATCH_FILE} "$PWD" ${quoted(step)} 2>&1`;
  return inContainer(observed, async (container, bounded) => {
    const { exitCode, output } = await bounded('test', async (signal) => {
      await container.put([{ path: WATCH_FILE, content: WATCH }], signal);
      return outputOf(container, { argv: ['/bin/bash', '-c', script], workdir: spec.workdir, signal });
    });
    const last = output.toString().trimEnd().split('\n').at(-1) ?? '';
    const seen = exitCode === 0 ? parsed(last) : undefined;
    if (seen?.whole === true) return seen;
    throw new AssayError(
      'engine_failed',
      `${spec.instanceId}: what \`${step}\` opens was not seen: ${last.slice(0, 500)}`,
    );
  });
}

const WATCH_FILE = '/tmp/assay-watch.py';

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The line of {@link WATCH}. */
function parsed(line: string): (Seen & { readonly whole: boolean }) | undefined {
  try {
    return JSON.parse(line) as Seen & { readonly whole: boolean };
  } catch {
    return undefined;
  }
}

/**
 * A tar of the byte code that the tests of the untouched tree leave. The interpreter takes it for files of the same size and time alone: those of the
 * image that no patch has written.
 */
export function byteCodeOf(observed: Observed): Promise<Buffer> {
  const { spec, profile } = observed.job;
  const { workdir } = spec;
  const { deadlines, clock, signal } = observed.context;
  const script = profile.prepareScript(withoutReinstall(spec.evalScript));
  return inContainer(observed, async (container, bounded) => {
    await bounded('start', async (bound) => {
      await container.put([{ path: EVAL_SCRIPT, content: script, mode: 0o755 }], bound);
      await outputOf(container, { argv: ['/bin/bash', '-c', MARK], signal: bound });
    });
    await runTests(container, { workdir, sink: NO_LOG, seconds: deadlines.test, clock, signal });
    const { exitCode, output } = await bounded('collect', (bound) =>
      outputOf(container, { argv: ['/bin/bash', '-c', PACK], signal: bound }),
    );
    if (exitCode === 0) return output;
    throw new AssayError('engine_failed', `${spec.instanceId}: byte code: tar ended with ${exitCode}`);
  });
}

export const NO_LOG = { write: () => {}, end: async () => {} };

/** File times have the kernel's tick: what is written within the same one would not count as newer. */
const MARK = 'touch /tmp/assay-mark && sleep 0.05';
const PACK = `find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /tmp \\) -prune -o -type f -name '*.pyc' -newer /tmp/assay-mark -printf '%P\\0' 2>/dev/null |
tar -C / --null --no-recursion --verbatim-files-from -T - -cf - 2>/dev/null`;

type Bounded = <T>(
  phase: Extract<Phase, 'start' | 'test' | 'collect'>,
  work: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

async function inContainer<T>(
  { job, image, context }: Observed,
  use: (container: Container, bounded: Bounded) => Promise<T>,
): Promise<T> {
  const { engine, deadlines, clock, signal } = context;
  const bounded: Bounded = (phase, work) =>
    withDeadline({ phase, seconds: deadlines[phase], clock, signal }, work);
  let starting: Promise<Container> | undefined;
  try {
    const container = await bounded('start', (bound) => {
      starting = engine.containers.start(containerSpec(job, image.ref, context), bound);
      return starting;
    });
    return await use(container, bounded);
  } finally {
    if (starting !== undefined) context.discard(starting);
  }
}
