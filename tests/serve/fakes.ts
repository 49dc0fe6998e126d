import { AssayError } from '../../src/errors.js';
import type { Verdict } from '../../src/index.js';
import type { Grader } from '../../src/run/grader.js';
import { type Asked, type Catalogue, type Task, taskOf } from '../../src/run/task.js';
import { type Oracle, type OracleEvent, type OracleOptions, startOracle } from '../../src/serve/oracle.js';
import type { Store } from '../../src/serve/store.js';
import { testClock, testProfile, testSpec } from '../helpers/jobs.js';
import { verdict } from '../reports/run-results.js';

/** A verdict of the image that is here. */
export const testVerdict = (fields: Partial<Verdict> = {}): Verdict =>
  verdict('a', { imageDigest: 'sha256:1', ...fields });

/** Knows the instances `a` to `e`. */
export const catalogue: Catalogue = {
  find({ instance_id: id = '' }) {
    if (!/^[a-e]$/.test(id)) throw new AssayError('unknown_instance', `no instance ${id} here`);
    return { spec: testSpec(id), profile: testProfile };
  },
};

export const taskFor = (patch: string | null, id = 'a'): Task =>
  taskOf(catalogue, { instance_id: id, patch });

/** A store in memory; `write` is called before each change and may fail. */
export function memoryStore(write: () => void = () => {}) {
  const verdicts = new Map<string, Verdict>();
  const pending = new Map<string, Asked>();
  const store: Store = {
    find: async (key) => verdicts.get(key),
    begin: async () => {
      throw new Error('no tests run here');
    },
    async pend(key, asked) {
      write();
      pending.set(key, asked);
    },
    async settle(key) {
      pending.delete(key);
    },
    pending: async () => [...pending.values()],
  };
  return { store, verdicts, pending };
}

type Found = Verdict | AssayError;

/** Gradings that end when a test says so. */
export function heldGrader(verdicts: Map<string, Verdict>) {
  const running = new Map<string, (found: Found) => void>();
  const graded: string[] = [];
  const grader: Grader = {
    grade: (task, { onPhase }) =>
      new Promise((resolve) => {
        graded.push(task.asked.patch ?? 'null');
        onPhase('test');
        running.set(task.asked.patch ?? 'null', (found) => {
          if (!(found instanceof AssayError) && found.outcome !== 'infra_error')
            verdicts.set(task.key, found);
          resolve(found);
        });
      }),
    prepare: () => true,
    warm: () => 0,
    finish: async () => {},
    kill: () => {
      for (const end of running.values()) end(new AssayError('draining', 'killed'));
    },
  };
  return {
    grader,
    graded,
    /** Ends the grading of a patch, when it has begun. */
    async end(patch: string, found: Found = testVerdict()) {
      while (!running.has(patch)) await settle();
      running.get(patch)?.(found);
      running.delete(patch);
    },
  };
}

export interface World {
  readonly oracle: Oracle;
  readonly events: readonly OracleEvent[];
  readonly held: ReturnType<typeof heldGrader>;
  readonly memory: ReturnType<typeof memoryStore>;
}

/** An oracle over held gradings. */
export function world(options: Partial<OracleOptions> = {}, memory = memoryStore()): World {
  const events: OracleEvent[] = [];
  const held = heldGrader(memory.verdicts);
  const oracle = startOracle({
    grader: held.grader,
    store: memory.store,
    clock: testClock(),
    workers: 2,
    maxQueue: 3,
    cacheBytes: 1e6,
    digestOf: async () => 'sha256:1',
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { oracle, events, held, memory };
}

/** Lets what is under way go on. */
export const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
