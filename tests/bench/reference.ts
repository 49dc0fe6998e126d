// npm run bench:reference -- --rows FILE [--rows-2025 FILE] --id ID ... [--predictions FILE] [-j N]
// The reference harness (swebench from PyPI) and ours on the same images and predictions, in one run: wall time and verdicts of both.
// --rows: 2026 rows for 5.0.2; --rows-2025: 2025 rows for 4.1.0, left out if not given. Needs python3 and the instances' local images.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { realHost } from '../../src/cli/host.js';
import { loadInstances, specsOf } from '../../src/cli/inputs.js';
import { datasetAliases } from '../../src/cli/registry.js';
import { hubSettingsFromEnv } from '../../src/dataset/hub.js';
import { loadRows } from '../../src/dataset/load.js';
import { readVerdicts } from '../../src/run/folder.js';
import { packageRoot } from '../../src/util/package.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    'rows-2025': { type: 'string' },
    id: { type: 'string', multiple: true },
    predictions: { type: 'string', default: 'gold' },
    workers: { type: 'string', short: 'j', default: '1' },
  },
});
const { rows: rows2026, 'rows-2025': rows2025, id: ids, predictions, workers } = values;
if (rows2026 === undefined || ids === undefined)
  throw new Error('usage: --rows FILE --id ID ... (see the head of tests/bench/reference.ts)');

const host = realHost();
const work = mkdtempSync(join(tmpdir(), 'assay-reference-'));
const print = (text: string) => process.stdout.write(`${text}\n`);

function run(command: string, args: readonly string[], cwd = work): number {
  const from = performance.now();
  const { status, stderr, stdout } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} exited with ${status}:\n${(stdout + stderr).slice(-3000)}`);
  return (performance.now() - from) / 1000;
}

/** A virtual environment with that release, made once in the cache. */
function reference(version: string): string {
  const venv = join(host.cacheDir, `swebench-${version}`);
  if (!existsSync(join(venv, 'done'))) {
    print(`installing swebench ${version} from PyPI ...`);
    mkdirSync(host.cacheDir, { recursive: true });
    run('python3', ['-m', 'venv', '--clear', venv]);
    run(join(venv, 'bin/pip'), ['install', '-q', `swebench==${version}`]);
    writeFileSync(join(venv, 'done'), '');
  }
  return join(venv, 'bin/python');
}

type Row = Record<string, unknown> & { instance_id: string };

async function chosenRows(source: string): Promise<Row[]> {
  const loaded = await loadRows({
    source,
    aliases: datasetAliases,
    cwd: host.cwd,
    cacheDir: host.cacheDir,
    hub: hubSettingsFromEnv(host.env, host.home),
  });
  return (loaded.rows as Row[]).filter(({ instance_id }) => ids?.includes(instance_id));
}

/** The names that the reference looks for are given to our images, unless it has pulled its own. */
async function shareImages(dataset: string): Promise<void> {
  const { instances } = await loadInstances({ dataset, id: ids }, host);
  for (const { images } of specsOf(instances).values()) {
    const [ours = '', published = ''] = images;
    if (spawnSync('docker', ['image', 'inspect', published]).status !== 0)
      run('docker', ['tag', ours, published]);
  }
}

function resolvedByReference(version: string, runId: string): { seconds: number; resolved: string[] } {
  const python = reference(version);
  const source = predictions === 'gold' ? 'gold' : resolve(host.cwd, predictions);
  const seconds = run(python, [
    ...[
      '-m',
      'swebench.harness.run_evaluation',
      '-d',
      join(work, `${version}.json`),
      '-p',
      source,
      '-id',
      runId,
    ],
    ...['--max_workers', workers, '-i', ...(ids ?? [])],
    ...(version.startsWith('4.') ? ['--cache_level', 'instance'] : []),
  ]);
  const model = source === 'gold' ? 'gold' : modelOf(source);
  const summary = JSON.parse(readFileSync(join(work, `${model}.${runId}.json`), 'utf8')) as {
    resolved_ids: string[];
  };
  return { seconds, resolved: [...summary.resolved_ids].sort() };
}

function modelOf(path: string): string {
  const text = readFileSync(path, 'utf8');
  const match = /"model_name_or_path":\s*"([^"]+)"/.exec(text);
  return (match?.[1] ?? 'None').replaceAll('/', '__');
}

async function resolvedByUs(
  dataset: string,
  profile: string,
): Promise<{ seconds: number; resolved: string[] }> {
  const folder = join(work, `ours-${profile}`);
  const source = predictions === 'gold' ? ['--gold'] : ['-p', predictions, '--ignore-unknown'];
  const seconds = run(
    process.execPath,
    [
      ...[join(packageRoot(), 'dist/src/cli/main.js'), 'eval', dataset, ...source, '--profile', profile],
      ...['--engine', 'docker', '-j', workers, '-q', '-o', folder],
      ...(ids ?? []).flatMap((id) => ['-i', id]),
    ],
    host.cwd,
  );
  const resolved = (await readVerdicts(folder)).filter(({ outcome }) => outcome === 'resolved');
  return { seconds, resolved: resolved.map(({ instanceId }) => instanceId).sort() };
}

let differs = false;
try {
  for (const [version, profile, dataset] of [
    ['5.0.2', 'v5', rows2026],
    ['4.1.0', 'v4.1', rows2025],
  ] as const) {
    if (dataset === undefined) continue;
    writeFileSync(join(work, `${version}.json`), JSON.stringify(await chosenRows(dataset)));
    await shareImages(dataset);
    const theirs = resolvedByReference(version, `bench-${process.pid}`);
    const ours = await resolvedByUs(dataset, profile);
    const equal = JSON.stringify(theirs.resolved) === JSON.stringify(ours.resolved);
    differs ||= !equal;
    print(
      `swebench ${version}: ${theirs.seconds.toFixed(1)} s, ${theirs.resolved.length} of ${ids.length} resolved`,
    );
    print(
      `assay ${profile}: ${ours.seconds.toFixed(1)} s, ${ours.resolved.length} of ${ids.length} resolved`,
    );
    print(
      `  ${((theirs.seconds - ours.seconds) / ids.length).toFixed(1)} s less per instance; verdicts ${equal ? 'equal' : 'DIFFER'}`,
    );
    if (!equal) print(`  theirs ${theirs.resolved.join(' ')}\n  ours   ${ours.resolved.join(' ')}`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = differs ? 1 : 0;
