import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeError } from '../../src/cli/exit.js';
import { realHost } from '../../src/cli/host.js';
import { importPublished } from '../../src/cli/runs-import.js';
import { type CorpusEntry, readEntries, readLog } from '../parity/corpus.js';

const USAGE = `usage: npm run corpus:run -- DIR [-o runs] [--profile v5|v4.1] [--rows FILE]
Makes a run folder of the logs of each source of a corpus folder (expected.jsonl.gz, logs/), as \`assay runs import\` does: the logs are laid
out as the reference harness writes them, with a report.json of its outcome, and imported. A log that gets another outcome is warned of.
Rows: by default DIR/../data/swe-bench-verified.parquet for v5, DIR/../data/swe-bench-verified-2025.jsonl.gz for v4.1.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: 'string', short: 'o', default: 'runs' },
    profile: { type: 'string', default: 'v5' },
    rows: { type: 'string' },
  },
});
const [dir] = positionals;
const { profile, output } = values;
if (dir === undefined || (profile !== 'v5' && profile !== 'v4.1')) {
  console.error(USAGE);
  process.exit(2);
}
const rows = profile === 'v5' ? 'swe-bench-verified.parquet' : 'swe-bench-verified-2025.jsonl.gz';
const all = readEntries(dir);
const scratch = mkdtempSync(join(tmpdir(), 'assay-corpus-'));
try {
  for (const source of new Set(all.map((entry) => entry.source))) {
    const entries = all.filter((entry) => entry.source === source);
    const model = source.replaceAll('/', '__');
    const folder = join(scratch, 'logs', 'run_evaluation', 'corpus', model);
    for (const entry of entries) layOut(folder, entry);
    const idFile = join(scratch, `${model}.ids`);
    writeFileSync(idFile, entries.map(({ instance_id: id }) => `${id}\n`).join(''));
    await importPublished(
      {
        source: folder,
        dataset: values.rows ?? join(dir, '..', 'data', rows),
        model: source,
        profile,
        'id-file': idFile,
        output: join(output, `corpus.${model}`),
      },
      realHost(),
    );
  }
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function layOut(folder: string, entry: CorpusEntry): void {
  const { instance_id: id, expected } = entry;
  mkdirSync(join(folder, id), { recursive: true });
  writeFileSync(join(folder, id, 'test_output.txt'), readLog(dir as string, entry));
  const report = { [id]: { resolved: expected[profile as 'v5' | 'v4.1'].resolved } };
  writeFileSync(join(folder, id, 'report.json'), JSON.stringify(report));
}
