import { type Static, Type } from 'typebox';
import type { DatasetFormat } from '../../src/index.js';
import { Commit, CommonFields, commonInstance } from '../row.js';

const Row = Type.Object({
  ...CommonFields,
  // Script, parser and image follow from repository and version by the tables in benchmarks/swe-bench.
  version: Type.String({ minLength: 1 }),
  environment_setup_commit: Commit,
});

/** SWE-bench as published until 2025: 13 fields, Python only. */
export const sweBench2025: DatasetFormat = {
  rowFormat: 'swe-bench-2025',
  matches: (row) =>
    'environment_setup_commit' in row && !('eval_script' in row) && !('install_config' in row),
  schema: Row,
  toInstance: (checked, rowHash) => ({
    ...commonInstance(checked as Static<typeof Row>),
    language: 'python',
    rowFormat: 'swe-bench-2025',
    rowHash,
  }),
};
