import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { htmlReport } from '../../reports/html/files.js';
import { pageBundle } from '../../src/cli/html.js';
import type { RunInstance, RunResults } from '../../src/model/run.js';
import type { Verdict } from '../../src/model/verdict.js';
import { summarise } from '../../src/stats/summary.js';
import { sha256 } from '../../src/util/hash.js';
import { seededRandom } from '../../src/util/random.js';
import {
  CLEAN,
  EMPTY_PATCH,
  instance,
  PULL_LIMITED,
  runResults,
  TAMPERED,
  verdict,
} from '../reports/run-results.js';

/** Repositories of SWE-bench Verified with their shares of its 500 instances. */
const REPOSITORIES: Readonly<Record<string, number>> = {
  'django/django': 231,
  'sympy/sympy': 75,
  'sphinx-doc/sphinx': 44,
  'matplotlib/matplotlib': 34,
  'scikit-learn/scikit-learn': 32,
  'astropy/astropy': 22,
  'pydata/xarray': 22,
  'pytest-dev/pytest': 19,
  'pylint-dev/pylint': 10,
  'psf/requests': 8,
  'mwaskom/seaborn': 2,
  'pallets/flask': 1,
};
const DIFFICULTIES = ['<15 min fix', '15 min - 1 hour', '1-4 hours', '>4 hours'];
const PASS_TO_PASS = 60;
const PATCH_BYTES = 3000;

/** Results of made-up attempts at instances spread over the repositories of SWE-bench Verified; the same each time. */
export function results500({ epochs = 1 }: { readonly epochs?: number } = {}): RunResults {
  const random = seededRandom(500);
  const instances = Object.entries(REPOSITORIES).flatMap(([repo, count]) =>
    Array.from({ length: count }, (_, index) => {
      const name = `${repo.replace('/', '__')}-${10000 + 37 * index}`;
      const tests = Array.from(
        { length: PASS_TO_PASS },
        (_, test) => `tests/test_${index}.py::test_old_${test}`,
      );
      return instance(name, {
        repo,
        failToPass: [`tests/test_${index}.py::test_fix`],
        passToPass: tests,
        difficulty: DIFFICULTIES[Math.floor(random() ** 2 * DIFFICULTIES.length)],
        createdAt: `20${17 + Math.floor(random() * 7)}-0${1 + Math.floor(random() * 9)}-11T00:00:00Z`,
        goldPatch: patchText(random),
        attempts: epochs,
      });
    }),
  );
  const verdicts = instances.flatMap((one) =>
    Array.from({ length: epochs }, (_, index) => attempt(one, index + 1, random)),
  );
  return runResults(instances, verdicts, { epochs });
}

function attempt(one: RunInstance, number: number, random: () => number): Verdict {
  const about = { attempt: number, seconds: { start: 0.8, apply: 0.1, test: 2 + 400 * random() ** 6 } };
  const fate = random();
  if (fate < 0.02) return verdict(one.instanceId, { ...about, ...EMPTY_PATCH });
  if (fate < 0.03) return verdict(one.instanceId, { ...about, ...PULL_LIMITED });
  const resolved = fate > 0.4;
  const [fixed, broken] = resolved ? [one.failToPass, []] : [[], one.failToPass];
  return verdict(one.instanceId, {
    ...about,
    outcome: resolved ? 'resolved' : 'unresolved',
    tests: {
      FAIL_TO_PASS: { success: fixed, failure: broken },
      PASS_TO_PASS: { success: one.passToPass, failure: [] },
    },
    ...(resolved ? (random() < 0.02 ? TAMPERED : CLEAN) : {}),
  });
}

/** Writes the report of a run, with made-up patches and logs, as `assay report -f html` does; the path of its page. */
export async function writeReport(
  results: RunResults,
  folder: string,
  { logs = true }: { readonly logs?: boolean } = {},
): Promise<string> {
  const random = seededRandom(501);
  const files = htmlReport(results, summarise(results), {
    evidence: {
      patch: async () => patchText(random),
      logs: async () => (logs ? [{ name: 'test', ...(await pack(logText(random))) }] : []),
      episodes: async () => new Map(),
      pack,
    },
    bundle: await pageBundle(),
    generatedAt: '2026-11-26T12:00:00.000Z',
  });
  for await (const { path, content } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return join(folder, 'report.html');
}

const compress = promisify<string, Buffer>(gzip);

async function pack(text: string) {
  const bytes = await compress(text);
  return { key: sha256(bytes), base64: bytes.toString('base64'), bytes: text.length };
}

function patchText(random: () => number): string {
  const lines = [
    'diff --git a/src/solve.py b/src/solve.py',
    '--- a/src/solve.py',
    '+++ b/src/solve.py',
    '@@ -1,40 +1,60 @@',
  ];
  while (lines.join('\n').length < PATCH_BYTES)
    lines.push(`${random() < 0.5 ? '+' : '-'}    ${words(random, 6)}`);
  return `${lines.join('\n')}\n`;
}

/** 30 to 300 KB, as noisy as the output of tests is. */
function logText(random: () => number): string {
  const length = 30_000 + 270_000 * random() ** 2;
  const lines: string[] = [];
  for (let bytes = 0; bytes < length; ) {
    const line = `${LINES[Math.floor(random() * LINES.length)]} ${lines.length}`;
    lines.push(line);
    bytes += line.length + 1;
  }
  return lines.join('\n');
}

const VOCABULARY = Array.from({ length: 400 }, (_, index) => (index * 7919).toString(36));

function words(random: () => number, count: number): string {
  return Array.from({ length: count }, () => VOCABULARY[Math.floor(random() * VOCABULARY.length)]).join('_');
}

const LINES = Array.from({ length: 5000 }, (_, index) => {
  const random = seededRandom(index);
  return `tests/test_${index}.py::test_${words(random, 3)} ${random() < 0.9 ? 'PASSED' : 'FAILED'} ${words(random, 4)}`;
});
