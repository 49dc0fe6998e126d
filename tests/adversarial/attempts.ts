import { join } from 'node:path';
import { sampleBenchmark } from '../../benchmarks/sample/index.js';
import { DEFAULT_DEADLINES } from '../../src/container/deadline.js';
import { localEngine } from '../../src/engine/local/index.js';
import type { EvalSpec, GradingProfile, Verdict } from '../../src/index.js';
import { runInstance } from '../../src/run-instance.js';
import { testContext } from '../helpers/jobs.js';
import { PATH, sampleInstances } from '../sample/sources.js';
import { assertWhole } from './judged.js';

const LIMITS = { memoryBytes: 1024 ** 3, cpus: 1, pids: 64, network: false, capAdd: [] };

export interface Attempts {
  readonly specOf: (instance: string) => EvalSpec;
  /** The verdict on a patch, the strict one included, with the official run's log. */
  readonly attempt: (
    instance: string,
    patch: string,
    options: { readonly profile: GradingProfile; readonly seconds?: number | undefined },
  ) => Promise<{ readonly verdict: Verdict; readonly log: string }>;
  readonly close: () => Promise<void>;
}

/** Real evaluations of the sample benchmark by the local engine. */
export async function attempts(folder: string): Promise<Attempts> {
  const engine = localEngine({ cacheDir: join(folder, 'cache'), path: PATH });
  const specs = new Map(
    sampleInstances().map((one) => [one.instanceId, sampleBenchmark.specFor(one)] as const),
  );
  const specOf = (instance: string) => {
    const spec = specs.get(`assay-sample__${instance}`);
    if (spec === undefined) throw new Error(`no instance ${instance}`);
    return spec;
  };
  const gone = new Set<Promise<void>>();
  let made = 0;
  return {
    specOf,
    async attempt(instance, patch, { profile, seconds = 60 }) {
      const spec = specOf(instance);
      const chunks: Uint8Array[] = [];
      const prediction = {
        instanceId: spec.instanceId,
        model: 'cheat',
        attempt: ++made,
        patch,
        notes: [],
      };
      const verdict = await runInstance(
        { spec, prediction, profile },
        {
          ...(await testContext(engine)),
          deadlines: { ...DEFAULT_DEADLINES, test: seconds },
          limits: LIMITS,
          resolveImage: async ({ images: [ref = ''], recipe }, signal) => {
            if (recipe?.source.kind !== 'tree') throw new Error('not a tree');
            return engine.importTree({ ref, dir: recipe.source.dir, workdir: recipe.workdir, signal });
          },
          discard: (container) => {
            const removal = Promise.resolve(container).then((one) => one.destroy());
            gone.add(removal);
            removal.finally(() => gone.delete(removal)).catch(() => undefined);
          },
          log: { write: (chunk) => void chunks.push(chunk), end: async () => undefined },
          strictLog: () => ({ write: () => undefined, end: async () => undefined }),
          onPhase: () => undefined,
          signal: new AbortController().signal,
        },
      );
      assertWhole(verdict);
      return { verdict, log: Buffer.concat(chunks).toString() };
    },
    async close() {
      await Promise.allSettled(gone);
      await engine.close();
    },
  };
}
