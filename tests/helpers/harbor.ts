import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sampleBenchmark } from '../../benchmarks/sample/index.js';
import { v5 } from '../../benchmarks/swe-bench/profiles.js';
import { graderModules, type Task, taskOf } from '../../plugins/oracles/harbor/index.js';
import { datasetFormats } from '../../src/cli/registry.js';
import { toInstances } from '../../src/dataset/format.js';
import type { EvalSpec, Instance } from '../../src/index.js';
import { packageRoot } from '../../src/util/package.js';

const DIST = join(packageRoot(), 'dist');
if (!existsSync(DIST)) throw new Error(`${DIST} is not built: npm run build`);
const grader = await graderModules({
  module: 'benchmarks/swe-bench/profiles.js',
  profile: 'v5',
  read: (path) => readFile(join(DIST, path), 'utf8'),
});

export type Row = Readonly<Record<string, unknown>>;

export const ROWS = readFileSync(join(packageRoot(), 'datasets', 'sample', 'instances.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);

/** The instance that most tests export. */
export const SECRET = 'assay-sample__tempo-1';
export const rowNamed = (id: string): Row => ROWS.find((row) => row['instance_id'] === id) as Row;
export const instanceOf = (row: Row): Instance =>
  toInstances({ rows: [row], formats: datasetFormats, file: 'rows' })[0] as Instance;

interface Changes {
  readonly instance?: Partial<Instance>;
  readonly spec?: Partial<EvalSpec>;
  readonly hasSolution?: boolean;
  readonly base?: string;
}

/** A task of a row of the bundled benchmark, with what a test wants otherwise. */
export function exported(row: Row, changes: Changes = {}): Task {
  const instance = instanceOf(row);
  return taskOf({
    ...{ row, grader, profile: v5, base: 'base:1', hasSolution: true },
    ...changes,
    instance: { ...instance, ...changes.instance },
    spec: { ...sampleBenchmark.specFor(instance), ...changes.spec },
  });
}

export const textOf = ({ files }: Task, path: string) => files.find((file) => file.path === path)?.content;
