import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { datasetFormats } from '../../src/cli/registry.js';
import { toInstances } from '../../src/dataset/format.js';
import type { Instance } from '../../src/index.js';
import { packageRoot } from '../../src/util/package.js';

export const SAMPLE = join(packageRoot(), 'datasets', 'sample');
export const PATH = process.env['PATH'] ?? '';

export const hasPython = spawnSync('python3', ['--version']).status === 0;

export function sampleText(file: string): string {
  return readFileSync(join(SAMPLE, file), 'utf8');
}

export function sampleLines(file: string): unknown[] {
  return sampleText(file)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

export function sampleInstances(): Instance[] {
  const file = 'instances.jsonl';
  return toInstances({ rows: sampleLines(file), formats: datasetFormats, file });
}
