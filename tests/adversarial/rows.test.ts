import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeJobs, specsOf } from '../../src/cli/inputs.js';
import { benchmarkFor, datasetFormats, profileNamed } from '../../src/cli/registry.js';
import { toInstances } from '../../src/dataset/format.js';
import { readRows } from '../../src/dataset/read-rows.js';
import { AssayError } from '../../src/index.js';
import { readPredictions } from '../../src/patch/read.js';
import { packageRoot } from '../../src/util/package.js';
import { ROW_2025, ROW_2026, ROW_V1, ROW_V2 } from '../dataset/fixtures/rows.js';
import { cases, damaged, damages, defined, mangledRecord, withDepth } from './hostile.js';
import { judged } from './judged.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder('rows');

/** From a file to the verdicts of its gold patches, as `assay eval FILE --gold` goes. */
async function wholePath(name: string, bytes: Uint8Array): Promise<number> {
  const path = join(scratch.path, name);
  await writeFile(path, bytes);
  const { rows } = await readRows(path);
  const instances = toInstances({ rows, formats: datasetFormats, file: name });
  const specs = specsOf(instances);
  const { predictions } = await readPredictions({ source: 'gold', cwd: scratch.path, instances });
  for (const prediction of predictions) {
    const instance = instances.find(({ instanceId }) => instanceId === prediction.instanceId);
    if (instance === undefined) throw new Error('a prediction of nothing');
    const profile = profileNamed(benchmarkFor(instance).defaultProfile);
    for (const job of makeJobs({ specs, predictions: [prediction], profile, epochs: 1 })) {
      job.profile.grade('', job.spec);
      await judged(job, Buffer.from('PASSED test_add\n'));
    }
  }
  return predictions.length;
}

const ROWS_2025 = { ...ROW_2025, repo: 'psf/requests', version: '2.3' };
const row = fc.oneof(
  mangledRecord(ROW_2026),
  mangledRecord(ROWS_2025),
  mangledRecord(ROW_V1, ['install_config']),
  mangledRecord(ROW_V2, ['install_config']),
  fc.jsonValue({ maxDepth: 3 }),
);
const form = fc.constantFrom('rows.jsonl', 'rows.json', 'one.json', 'rows.jsonl.gz', 'rows.json.gz');

function written(name: string, rows: readonly unknown[]): Uint8Array {
  const texts = rows.map((value) => withDepth(JSON.stringify(value)));
  const text = name.startsWith('one')
    ? (texts[0] ?? '')
    : name.startsWith('rows.jsonl')
      ? texts.join('\n')
      : `[${texts.join(',')}]`;
  return name.endsWith('.gz') ? gzipSync(text) : Buffer.from(text);
}

describe('mangled rows', () => {
  test('of every format and form end in instances that can be judged, or in an error that says what is wrong', async () => {
    let good = 0;
    await fc.assert(
      fc.asyncProperty(form, fc.array(row, { minLength: 1, maxLength: 3 }), async (name, rows) => {
        const end = await defined(() => wholePath(name, written(name, rows)));
        if (!(end instanceof AssayError)) good += end;
        else
          expect(['bad_dataset', 'unsupported_row', 'unknown_log_parser', 'unknown_dataset']).toContain(
            end.code,
          );
      }),
      cases(2000),
    );
    // Not every case may be refused: then nothing behind the first check was tried.
    expect(good).toBeGreaterThan(100);
  }, 120_000);

  test('in files whose bytes are damaged do so too, Parquet and gzip included', async () => {
    const sample = await readFile(join(packageRoot(), 'datasets', 'sample', 'instances.jsonl'));
    const lines = sample.subarray(0, sample.indexOf(10, 40_000) + 1);
    const parquet = await readFile(join(packageRoot(), 'tests', 'dataset', 'fixtures', 'rows.parquet'));
    const files: Readonly<Record<string, Uint8Array>> = {
      'a.jsonl': lines,
      'a.json': Buffer.from(JSON.stringify([ROW_2026, ROW_V1])),
      'a.jsonl.gz': gzipSync(lines),
      'a.parquet': parquet,
      'b.parquet': parquet,
      'a.parquet.gz': gzipSync(parquet),
      'wrong.jsonl': parquet,
      'wrong.parquet': lines,
    };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(files)), damages, async (name, list) => {
        const end = await defined(() => wholePath(name, damaged(files[name] ?? Buffer.of(), list)));
        if (end instanceof AssayError)
          expect(['bad_dataset', 'unsupported_row', 'unknown_log_parser']).toContain(end.code);
      }),
      cases(2000),
    );
  }, 120_000);
});
