import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, SandboxLimits } from '../../../src/engine/engine.js';
import { type LocalEngine, localEngine } from '../../../src/engine/local/index.js';
import type { IsolationKind } from '../../../src/engine/local/isolation.js';

export const PATH = process.env['PATH'] ?? '/usr/bin:/bin';
export const LIMITS: SandboxLimits = {
  memoryBytes: 2 * 1024 ** 3,
  cpus: 1,
  pids: 256,
  network: false,
  capAdd: [],
};
export const forever: AbortSignal = new AbortController().signal;

/** Folder that the test removes, with an engine whose image `sample` holds two files. */
export async function makeBench(isolation: 'auto' | IsolationKind) {
  const folder = await mkdtemp(join(tmpdir(), 'assay-local-'));
  const cacheDir = join(folder, 'cache');
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'lib'), { recursive: true });
  await writeFile(join(tree, 'README'), 'a sample\n');
  await writeFile(join(tree, 'lib', 'sum.js'), 'exports.sum = (a, b) => a - b;\n');
  const engine = localEngine({ cacheDir, path: PATH, isolation });
  return {
    folder,
    cacheDir,
    tree,
    engine,
    importSample: () => engine.importTree({ ref: 'sample', dir: tree, workdir: '/testbed', signal: forever }),
    start: (limits: Partial<SandboxLimits> = {}, labels: Record<string, string> = {}): Promise<Container> =>
      engine.containers.start(
        { image: 'sample', name: 'test', labels, limits: { ...LIMITS, ...limits } },
        forever,
      ),
    workspaces: () => readdir(join(cacheDir, 'workspaces')),
    remove: async () => {
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Bench = Awaited<ReturnType<typeof makeBench>>;

/** Runs a bash script and gives its output and exit code. */
export async function bash(container: Container, script: string, signal: AbortSignal = forever) {
  let output = '';
  const result = await container.exec({
    argv: ['/bin/bash', '-c', script],
    signal,
    onOutput: (chunk) => {
      output += new TextDecoder().decode(chunk);
    },
  });
  return { ...result, output };
}

/** The isolations that work on this machine; a test for another one is skipped. */
export async function usableIsolations(): Promise<readonly IsolationKind[]> {
  const kinds = ['bubblewrap', 'namespaces', 'none'] as const;
  const usable = await Promise.all(kinds.map(async (kind) => (await works(kind)) && kind));
  return usable.filter((kind) => kind !== false);
}

async function works(isolation: IsolationKind): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'assay-probe-'));
  const engine: LocalEngine = localEngine({ cacheDir: folder, path: PATH, isolation });
  return engine
    .info()
    .then(
      () => true,
      () => false,
    )
    .finally(() => rm(folder, { recursive: true, force: true }));
}

/** Processes of this machine that have the text as one of their arguments, e.g. the `12.5` of `sleep 12.5`. */
export async function processesWith(argument: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(argument);
    } catch {
      return false;
    }
  });
}

export async function until(condition: () => Promise<boolean>, milliseconds = 3000): Promise<boolean> {
  for (let waited = 0; waited < milliseconds; waited += 25) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return condition();
}
