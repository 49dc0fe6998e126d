import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeJobs, specsOf } from '../../src/cli/inputs.js';
import { datasetFormats, profileNamed } from '../../src/cli/registry.js';
import { toInstances } from '../../src/dataset/format.js';
import { AssayError } from '../../src/index.js';
import { readPredictions } from '../../src/patch/read.js';
import { ROW_2026 } from '../dataset/fixtures/rows.js';
import {
  cases,
  damaged,
  damages,
  defined,
  hostileValue,
  mangledRecord,
  TEXTS,
  withDepth,
} from './hostile.js';
import { judged } from './judged.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder('predictions');
const IDS = ['demo__adder-1', 'demo__adder-2', 'demo__adder-3'];
const instances = toInstances({
  rows: IDS.map((id) => ({ ...ROW_2026, instance_id: id })),
  formats: datasetFormats,
  file: 'rows.jsonl',
});
const specs = specsOf(instances);
const { patch } = ROW_2026;

/** Reads predictions and judges each: the number of verdicts. */
async function wholePath(source: string, ignoreUnknown: boolean): Promise<number> {
  const { predictions } = await readPredictions({ source, cwd: scratch.path, instances, ignoreUnknown });
  const jobs = makeJobs({ specs, predictions, profile: profileNamed('v5'), epochs: 2 });
  expect(jobs).toHaveLength(2 * predictions.length);
  const keys = jobs.map(({ prediction }) => `${prediction.instanceId} ${prediction.attempt}`);
  expect(new Set(keys).size).toBe(keys.length);
  for (const job of jobs.slice(0, predictions.length)) {
    const verdict = await judged(job, Buffer.from('PASSED test_add\n'));
    const { patch: text, defect } = job.prediction;
    if (text === null || text === '' || defect !== undefined) expect(verdict.outcome).toBe('invalid');
  }
  return predictions.length;
}

const id = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...IDS) },
  { weight: 1, arbitrary: fc.constantFrom<string>(...TEXTS) },
);
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constant(patch) },
  { weight: 3, arbitrary: fc.constantFrom<string>(...TEXTS) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.nat(patch.length), fc.oneof(fc.constantFrom<string>(...TEXTS), fc.string({ unit: 'binary' })))
      .map(([at, piece]) => patch.slice(0, at) + piece + patch.slice(at)),
  },
  { weight: 1, arbitrary: fc.constant('```diff\n'.concat(patch, '```')) },
  { weight: 1, arbitrary: fc.constant(patch.replaceAll('\n', '\r\n')) },
  { weight: 1, arbitrary: fc.constant(patch.repeat(2000)) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const plain = fc.record({ instance_id: id, model_name_or_path: fc.constant('m'), model_patch: text });
const record = fc.oneof(
  { weight: 3, arbitrary: plain },
  {
    weight: 2,
    arbitrary: mangledRecord({ instance_id: IDS[0], model_name_or_path: 'm', model_patch: patch }),
  },
  { weight: 1, arbitrary: hostileValue },
);

const list = fc
  .record({
    name: fc.constantFrom('p.jsonl', 'p.json', 'p.jsonl.gz', 'p.json.gz'),
    records: fc.array(record, { maxLength: 4 }),
  })
  .map(({ name, records }) => {
    const texts = records.map((value) => withDepth(JSON.stringify(value)));
    return { name, content: name.startsWith('p.jsonl') ? texts.join('\n') : `[${texts.join(',')}]` };
  });
/** Written as text, so that a key may be there twice and may be `__proto__`. */
const map = fc.array(fc.tuple(id, fc.oneof(record, text)), { maxLength: 4 }).map((entries) => ({
  name: 'p.json',
  content: withDepth(
    `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
  ),
}));
const CODES = ['bad_predictions', 'usage'];

describe('mangled predictions', () => {
  test('in files of every form are judged one by one, or refused with an error that says where', async () => {
    let good = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(list, map), fc.boolean(), async ({ name, content }, ignoreUnknown) => {
        await writeFile(join(scratch.path, name), name.endsWith('.gz') ? gzipSync(content) : content);
        const end = await defined(() => wholePath(name, ignoreUnknown));
        if (end instanceof AssayError) expect(CODES).toContain(end.code);
        else good += end;
      }),
      cases(1500),
    );
    expect(good).toBeGreaterThan(300);
  }, 120_000);

  test('in files whose bytes are damaged are too', async () => {
    const lines = IDS.map((instance_id) => JSON.stringify({ instance_id, model_patch: `${patch}ä😀` })).join(
      '\n',
    );
    const byId = JSON.stringify(Object.fromEntries(IDS.map((one) => [one, { model_patch: patch }])));
    const files: Readonly<Record<string, Uint8Array>> = {
      'd.jsonl': Buffer.from(lines),
      'd.json': Buffer.from(byId),
      'd.jsonl.gz': gzipSync(lines),
      'd.json.gz': gzipSync(byId),
    };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(files)), damages, async (name, changes) => {
        await writeFile(join(scratch.path, name), damaged(files[name] ?? Buffer.of(), changes));
        const end = await defined(() => wholePath(name, false));
        if (end instanceof AssayError) expect(CODES).toContain(end.code);
      }),
      cases(1500),
    );
  }, 120_000);

  test('in a folder of diff files are too', async () => {
    const name = fc.constantFrom(
      ...['demo__adder-1.diff', 'demo__adder-1.2.diff', 'demo__adder-2.patch', 'demo__adder-3/x.diff'],
      ...['.diff', '..diff', 'a b.diff', 'README', 'demo__adder-9.diff', 'demo__adder-1.diff.gz', '-rf.diff'],
      ...['demo__adder-1.99999999999999999999.diff', '__proto__.diff', 'ä\u2028.diff', 'x/y/z.diff'],
    );
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(name, fc.tuple(text, damages), { minKeys: 1, maxKeys: 4 }),
        fc.boolean(),
        async (files, ignoreUnknown) => {
          const folder = `folder-${count++}`;
          for (const [file, [content, changes]] of Object.entries(files)) {
            const path = join(scratch.path, folder, file);
            await mkdir(dirname(path), { recursive: true });
            await writeFile(path, damaged(Buffer.from(content ?? ''), changes));
          }
          const end = await defined(() => wholePath(folder, ignoreUnknown));
          if (end instanceof AssayError) expect(CODES).toContain(end.code);
          await rm(join(scratch.path, folder), { recursive: true });
        },
      ),
      cases(500),
    );
  }, 120_000);
});
