import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { graderModules, type Task, taskOf } from '../../plugins/oracles/harbor/index.js';
import { plainRow } from '../dataset/row.js';
import { EXIT, usage } from './exit.js';
import type { DatasetFlags, SelectionFlags } from './flags.js';
import type { Host } from './host.js';
import { loadInstances } from './inputs.js';
import { benchmarkFor, profileNamed } from './registry.js';

type ExportArgs = Readonly<{
  dataset: string;
  output: string;
  solution: boolean;
  base: string;
  json: boolean;
}> &
  Partial<DatasetFlags & SelectionFlags>;

/** Root of the compiled code. */
const COMPILED = new URL('../../', import.meta.url);

/** `assay harbor export`: a Harbor task folder for each of the chosen instances. */
export async function harborExport(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ExportArgs;
  const { instances, all, rows } = await loadInstances(args, host);
  const folder = resolve(host.cwd, args.output);
  const grader = await graderModules({
    module: 'benchmarks/swe-bench/profiles.js',
    profile: 'v5',
    read: (path) => readFile(new URL(path, COMPILED), 'utf8'),
  });
  const rowOf = new Map(all.map(({ instanceId }, index) => [instanceId, rows[index]]));
  const tasks = instances.map((instance) => {
    const benchmark = benchmarkFor(instance);
    const task = taskOf({
      ...{ instance, grader, base: args.base, hasSolution: args.solution },
      row: plainRow(rowOf.get(instance.instanceId)),
      spec: benchmark.specFor(instance),
      profile: profileNamed(benchmark.defaultProfile),
    });
    return { path: join(folder, instance.instanceId), task };
  });
  const present = tasks.find(({ path }) => existsSync(path));
  if (present !== undefined) throw usage(`${present.path} exists: remove it, or name another folder with -o`);
  for (const { path, task } of tasks) await writeTask(path, task);
  const gradeThemselves = tasks.filter(({ task }) => task.gradesItself).length;
  host.out(
    args.json
      ? JSON.stringify({ folder, tasks: tasks.length, gradeThemselves })
      : `${tasks.length} tasks in ${folder}; ${gradeThemselves} can grade themselves, the others need ASSAY_URL`,
  );
  return EXIT.done;
}

async function writeTask(folder: string, { files, tree }: Task): Promise<void> {
  for (const { path, content, isExecutable } of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    if (isExecutable === true) await chmod(file, 0o755);
  }
  if (tree !== undefined)
    await cp(tree, join(folder, 'environment', 'tree'), {
      recursive: true,
      filter: (source) => !source.endsWith('__pycache__'),
    });
}
