import type { Container, ContainerSpec, Engine, ExecRequest } from '../../src/index.js';
import { AssayError, ERRORS, type ErrorCode } from '../../src/index.js';
import { imageInfo } from '../helpers/fake-engine.js';

/** What an engine may do wrong in one call. */
export const FAULTS = [
  'reject',
  'reject-full-disk',
  'reject-raw',
  'reject-nothing',
  'throw-now',
  'hang',
  'ignore-abort',
  'late',
  'slow',
  'garbage',
] as const;
export type EngineFault = (typeof FAULTS)[number];

export interface ChaosOptions {
  /** Decides what is wrong with the next call, if anything. */
  readonly faultOf: (call: 'inspect' | 'start' | 'put' | 'exec' | 'destroy') => EngineFault | undefined;
  /** What the tests print, in pieces. */
  readonly outputOf: () => readonly Uint8Array[];
  /** In [0, 1). */
  readonly random: () => number;
}

export interface ChaosEngine extends Engine {
  /** Containers that were started and not destroyed. */
  readonly alive: ReadonlySet<string>;
}

const CODES = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].class === 'infra');
const GARBAGE: readonly unknown[] = [undefined, null];
/** Longer than the deadlines of a run under test: the answer comes when nobody waits for it any more. */
const LATE_MS = 60;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** An engine in memory that breaks the rules of its interface as it is told, call by call. */
export function chaosEngine({ faultOf, outputOf, random }: ChaosOptions): ChaosEngine {
  const alive = new Set<string>();
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  let made = 0;

  /** Plays a call: `work` has its effect unless the fault says otherwise. */
  function play<T>(
    call: Parameters<ChaosOptions['faultOf']>[0],
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const fault = faultOf(call);
    if (fault === 'throw-now') throw new TypeError(`${call} is not a function`);
    return misbehave(fault, call, signal, work);
  }

  async function misbehave<T>(
    fault: EngineFault | undefined,
    call: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    switch (fault) {
      case 'reject':
        throw new AssayError(pick(CODES), `${call} failed`);
      case 'reject-full-disk':
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      case 'reject-raw':
        throw pick([new TypeError('x is not a function'), 'a text', { message: 5 }, 42]);
      case 'reject-nothing':
        throw undefined;
      case 'hang':
        return new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      case 'ignore-abort':
        return new Promise(() => undefined);
      case 'late':
        await sleep(LATE_MS);
        return work();
      case 'slow':
        await sleep(random() * 5);
        return work();
      case 'garbage':
        return pick(GARBAGE) as T;
      default:
        signal?.throwIfAborted();
        return work();
    }
  }

  const unsupported = async (): Promise<never> => {
    throw new AssayError('image_missing', 'this engine makes no images');
  };

  function container(spec: ContainerSpec): Container {
    const id = `${spec.name}-${++made}`;
    alive.add(id);
    return {
      id,
      put: (_files, signal) => play('put', signal, async () => undefined),
      exec: (request) => play('exec', request.signal, () => exec(request)),
      read: unsupported,
      putArchive: unsupported,
      isOverDisk: async () => false,
      isDiskFull: async () => false,
      isBusy: async () => true,
      // What can't be removed stays, so a fault here comes after the removal.
      destroy() {
        alive.delete(id);
        return play('destroy', undefined, async () => undefined);
      },
    };
  }

  async function exec({ argv, onOutput }: ExecRequest) {
    if (!argv.join(' ').includes('/eval.sh')) return { exitCode: random() < 0.3 ? 1 : 0, oomKilled: false };
    for (const piece of outputOf()) await onOutput(piece);
    if (random() < 0.1) setTimeout(() => void onOutput(Buffer.from('PASS after the end')), 5);
    return { exitCode: Math.floor(random() * 3), oomKilled: random() < 0.05 };
  }

  return {
    name: 'docker',
    alive,
    images: {
      inspect: (ref, signal) => play('inspect', signal, async () => imageInfo(ref, 'sha256:1')),
      pull: unsupported,
      load: unsupported,
      push: unsupported,
      tag: unsupported,
      save: unsupported,
      layerSizes: unsupported,
      inUse: async () => new Set(),
      list: async () => [],
      remove: async () => true,
    },
    containers: {
      start: (spec, signal) => play('start', signal, async () => container(spec)),
      reap: async () => [],
    },
    info: async () => ({
      version: 'chaos 1',
      isolation: 'nothing runs',
      isolated: true,
      cpus: 4,
      freeMemoryBytes: 2 ** 34,
    }),
    close: async () => undefined,
  };
}
