import { dockerEngine } from '../../../src/engine/docker/index.js';
import type { Container, Engine, ExecResult } from '../../../src/engine/engine.js';
import { type Behaviour, type FakeEngine, startFakeEngine } from '../../fixtures/engine/fake-engine.js';

/** A container as a run asks for it. */
export const SPEC = {
  image: 'assay-base:latest',
  name: 'assay-test',
  labels: { 'assay.run': 'r1' },
  limits: { memoryBytes: 1e9, cpus: 1, pids: 100, network: false, capAdd: [] },
} as const;

/** Short waits, so that a hanging engine costs a test little. */
export const PATIENCE = { connectMs: 1000, removeMs: 3000, createGraceMs: 500, exitCodeMs: 500 };

/** Runs `test` with a fake engine and an Engine that talks to it, and ends both. */
export async function withFake(
  behaviour: Behaviour,
  test: (engine: Engine, fake: FakeEngine) => Promise<void>,
  configFolder?: string,
): Promise<void> {
  const fake = await startFakeEngine(behaviour);
  const engine = dockerEngine({ host: fake.host, configFolder, patience: PATIENCE });
  try {
    await test(engine, fake);
  } finally {
    await engine.close();
    await fake.close();
  }
}

/** Runs a command and gives its result with the output as text. */
export async function run(
  container: Container,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<ExecResult & { readonly stdout: string }> {
  let stdout = '';
  const result = await container.exec({
    argv,
    signal,
    onOutput: (bytes) => {
      stdout += Buffer.from(bytes).toString();
    },
  });
  return { ...result, stdout };
}

/** start, put, exec, destroy: what a run does; the container is destroyed whatever happens. */
export async function lifeOfAContainer(engine: Engine, signal: AbortSignal): Promise<ExecResult> {
  const container = await engine.containers.start(SPEC, signal);
  try {
    await container.put([{ path: '/eval.sh', content: 'true' }], signal);
    return await run(container, ['bash', '/eval.sh'], signal);
  } finally {
    await container.destroy();
  }
}

/** The error that `work` rejects with; fails when it doesn't reject. */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

/** Waits until `holds` or a second is over. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds() && waited < 1000; waited += 10)
    await new Promise((resolve) => setTimeout(resolve, 10));
}
