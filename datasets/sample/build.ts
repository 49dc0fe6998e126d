import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogParser, StatusMap } from '../../src/index.js';
import { evalScript, logParserOf, type SampleMeta, type SampleRow, sampleRow } from './rows.js';

interface BuildOptions {
  /** `datasets/sample`, with `repos/` and `instances/`. */
  readonly folder: string;
  /** Where bash, git, node and python3 are found. */
  readonly path: string;
  readonly findParser: (name: string) => LogParser;
  /** How often each run is repeated; all must agree. */
  readonly repeats: number;
}

/** What the row of an instance is made of. */
export interface Sources {
  readonly id: string;
  readonly repo: string;
  readonly meta: SampleMeta;
  readonly problem: string;
  readonly gold: string;
  readonly test: string;
}

/** The same commit as the engines make of a tree. */
const IDENTITY = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((who) => [
    [`GIT_${who}_NAME`, 'assay'],
    [`GIT_${who}_EMAIL`, 'assay@localhost'],
    [`GIT_${who}_DATE`, '2020-01-01T00:00:00+0000'],
  ]),
);

/**
 * The rows of the sample benchmark, by running each instance's script without and with the gold patch. Rejects when a gold patch
 * doesn't make every test pass, when the tests pass without it, or when repeated runs differ.
 */
export async function buildSample(options: BuildOptions): Promise<readonly SampleRow[]> {
  return buildRows(await readSources(options.folder), options);
}

/** The same for instances whose parts are at hand; their repositories are in the folder. */
export async function buildRows(
  all: readonly Sources[],
  options: BuildOptions,
): Promise<readonly SampleRow[]> {
  const work = await mkdtemp(join(tmpdir(), 'assay-sample-'));
  try {
    const rows: SampleRow[] = [];
    const commits = new Map<string, Promise<string>>();
    for (const sources of all) {
      const { repo } = sources;
      const commit = commits.get(repo) ?? makeRepository(repo, work, options);
      commits.set(repo, commit);
      rows.push(await buildRow(sources, { ...options, work, commit: await commit }));
    }
    return rows;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function readSources(folder: string): Promise<readonly Sources[]> {
  const ids = await readdir(join(folder, 'instances'));
  ids.sort(new Intl.Collator('en', { numeric: true }).compare);
  return Promise.all(
    ids.map(async (id) => {
      const read = (name: string) => readFile(join(folder, 'instances', id, name), 'utf8');
      const [problem, gold, test, meta] = await Promise.all(
        ['problem.md', 'gold.patch', 'test.patch', 'meta.json'].map(read),
      );
      const repo = /^assay-sample__(\w+)-\d+$/.exec(id)?.[1];
      if (repo === undefined || problem === undefined || gold === undefined || test === undefined)
        throw new Error(`not the folder of an instance: ${id}`);
      return { id, repo, problem, gold, test, meta: JSON.parse(meta ?? '') as SampleMeta };
    }),
  );
}

async function makeRepository(repo: string, work: string, options: BuildOptions): Promise<string> {
  const dir = join(work, repo);
  const env = { PATH: options.path, HOME: work, GIT_CONFIG_NOSYSTEM: '1', ...IDENTITY };
  await cp(join(options.folder, 'repos', repo), dir, {
    recursive: true,
    filter: (source) => !source.endsWith('__pycache__'),
  });
  const git = (...args: string[]) => run(['git', '-c', 'core.autocrlf=false', ...args], { cwd: dir, env });
  await git('init', '--quiet', '--initial-branch=main', '--object-format=sha1');
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '--message', 'Base');
  return (await git('rev-parse', 'HEAD')).log.trim();
}

type RowContext = BuildOptions & { readonly work: string; readonly commit: string };

async function buildRow(sources: Sources, context: RowContext): Promise<SampleRow> {
  const { id, repo, gold, test, meta } = sources;
  const { commit, repeats, findParser } = context;
  const parse = findParser(logParserOf(repo));
  const script = evalScript({ repo, commit, testPatch: test, tests: meta.tests });
  const statuses = async (patch: string): Promise<StatusMap> => {
    const { log } = await evaluate({ id, repo, patch, script }, context);
    const [, section = ''] = log.split(/^\+ : '>>>>> (?:Start|End) Test Output'$/m);
    return parse(section, id) ?? new Map();
  };
  const same = async (patch: string): Promise<StatusMap> => {
    const runs = [];
    for (let i = 0; i < repeats; i++) runs.push(await statuses(patch));
    const texts = new Set(runs.map((found) => JSON.stringify([...found].sort())));
    if (texts.size !== 1) throw new Error(`${id}: runs differ: ${[...texts].join(' and ')}`);
    return runs[0] ?? new Map();
  };
  const before = await same('');
  const after = await same(gold);
  const passing = [...after].filter(([, status]) => status === 'PASSED').map(([name]) => name);
  if (passing.length === 0 || passing.length < after.size)
    throw new Error(`${id}: not all tests pass with the gold patch: ${JSON.stringify([...after])}`);
  const failToPass = passing.filter((name) => before.get(name) !== 'PASSED').sort();
  const passToPass = passing.filter((name) => before.get(name) === 'PASSED').sort();
  if (failToPass.length === 0 || passToPass.length === 0)
    throw new Error(`${id}: ${failToPass.length} fail to pass, ${passToPass.length} pass to pass`);
  return sampleRow({ ...sources, commit, script, failToPass, passToPass });
}

interface Attempt {
  readonly id: string;
  readonly repo: string;
  readonly patch: string;
  readonly script: string;
}

async function evaluate({ id, repo, patch, script }: Attempt, { work, path }: RowContext) {
  const home = join(work, 'attempt');
  const tree = join(home, 'testbed');
  await mkdir(home);
  try {
    await cp(join(work, repo), tree, { recursive: true });
    const env = { PATH: path, HOME: home, LANG: 'C.UTF-8', TESTBED: tree };
    const [patchFile, scriptFile] = [join(home, 'patch.diff'), join(home, 'eval.sh')];
    await Promise.all([writeFile(patchFile, patch), writeFile(scriptFile, script)]);
    if (patch !== '') {
      const applied = await run(['git', 'apply', patchFile], { cwd: tree, env });
      if (applied.code !== 0) throw new Error(`${id}: the gold patch doesn't apply: ${applied.log}`);
    }
    return await run(['bash', scriptFile], { cwd: tree, env });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

interface RunOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Output and exit code; stdout and stderr are one stream, as in a container. */
function run(argv: readonly string[], options: RunOptions): Promise<{ log: string; code: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', 'exec "$@" 2>&1', 'bash', ...argv], {
      ...options,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ log: Buffer.concat(chunks).toString('utf8'), code: code ?? -1 }));
  });
}
