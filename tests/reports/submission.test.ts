import { describe, expect, test } from '@jest/globals';
import { submissionFiles } from '../../reports/index.js';
import type { RunResults } from '../../src/index.js';
import { EMPTY_PATCH, instance, MIXED, PULL_LIMITED, runResults, verdict } from './run-results.js';

async function submission(results: RunResults): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const read = async (id: string, attempt: number) => ({
    patch: id.endsWith('-3') ? null : `patch ${attempt} of ${id}\n`,
    log: id.endsWith('-3') ? undefined : `log ${attempt} of ${id}\n`,
  });
  for await (const { path, content } of submissionFiles(results, read)) files.set(path, content);
  return files;
}

describe('the submission folder', () => {
  const root = 'evaluation/verified/20261122_acme__solver';
  const results = runResults(
    [
      instance('django__django-1', { attempts: 2 }),
      instance('django__django-2'),
      instance('django__django-3'),
      instance('sympy__sympy-5', { attempts: 0 }),
    ],
    [
      verdict('django__django-1'),
      verdict('django__django-1', { attempt: 2, outcome: 'unresolved' }),
      verdict('django__django-2', { outcome: 'unresolved' }),
      verdict('django__django-3', EMPTY_PATCH),
    ],
  );

  test('holds predictions, metadata, a README, and patch, report and log of each graded instance', async () => {
    expect([...(await submission(results)).keys()].sort()).toEqual([
      `${root}/README.md`,
      `${root}/all_preds.jsonl`,
      `${root}/logs/django__django-1/patch.diff`,
      `${root}/logs/django__django-1/report.json`,
      `${root}/logs/django__django-1/test_output.txt`,
      `${root}/logs/django__django-2/patch.diff`,
      `${root}/logs/django__django-2/report.json`,
      `${root}/logs/django__django-2/test_output.txt`,
      `${root}/metadata.yaml`,
    ]);
  });

  test('submits the first attempt of each instance, once', async () => {
    const lines = (await submission(results)).get(`${root}/all_preds.jsonl`)?.trimEnd().split('\n') ?? [];
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        instance_id: 'django__django-1',
        model_name_or_path: 'acme/solver',
        model_patch: 'patch 1 of django__django-1\n',
      },
      {
        instance_id: 'django__django-2',
        model_name_or_path: 'acme/solver',
        model_patch: 'patch 1 of django__django-2\n',
      },
      { instance_id: 'django__django-3', model_name_or_path: 'acme/solver', model_patch: null },
    ]);
  });

  test('leaves to the author what only the author knows', async () => {
    const files = await submission(results);
    expect(`\n${files.get(`${root}/README.md`)}`).toMatchInlineSnapshot(`
"
# 20261122\\_acme\\_\\_solver

Resolved 1 of 4 instances of the verified split: 25.0 %, 95 % interval 4.6 to 69.9 %.

Evaluated with assay 0.1.0, grading profile v5, dataset revision c104f84.

- django/django: 1/3 (33.3 %)
- sympy/sympy: 0/1 (0.0 %)

## To do before submitting

- Put one reasoning trace per instance into \`trajs/\`, with the instance id in each file name.
- Fill in \`metadata.yaml\`; a technical report is required.
- Describe the system here, with the names of its authors.
- Run \`python -m analysis.get_results evaluation/verified/20261122_acme__solver\` in SWE-bench/experiments and paste what it prints here.

## Checklist

- [ ] Is a pass@1 submission (does not attempt the same task instance more than once)
- [ ] Does not use SWE-bench test knowledge (\`PASS_TO_PASS\`, \`FAIL_TO_PASS\`)
- [ ] Does not use the \`hints\` field in SWE-bench
- [ ] Does not have web-browsing OR has taken steps to prevent lookup of SWE-bench solutions via web-browsing
"
`);
    expect(`\n${files.get(`${root}/metadata.yaml`)}`).toMatchInlineSnapshot(`
"
info:
  name: "acme/solver"
  site: "" # link to more about the system
  report: "" # technical report, required
  logo: ""
  authors: ""
tags:
  checked: false
  model:
    - "acme/solver"
  org: ""
  os_model: false # open weights?
  os_system: false # open source?
  system:
    attempts: "1"
"
`);
  });

  test('says so while it is not ready', async () => {
    const unfinished = runResults([instance('a__a-1')], [verdict('a__a-1', PULL_LIMITED)]);
    const text = (await submission(unfinished)).get(`${root}/README.md`) ?? '';
    expect(text).toMatch(/^# INCOMPLETE: /);
    expect(text).toContain("**Not ready to submit: 1 attempt failed for the machine's fault.**");
  });

  test.each([
    ['princeton-nlp/SWE-bench_Lite', 'lite'],
    ['SWE-bench/SWE-bench_Multilingual', 'multilingual'],
    ['full', 'test'],
    ['princeton-nlp/SWE-bench', 'test'],
    ['data/swe-bench-verified.parquet', 'verified'],
    ['mine/other', 'other'],
  ])('of %s goes under %s', async (dataset, split) => {
    const { manifest } = MIXED;
    const files = await submission({
      ...MIXED,
      manifest: { ...manifest, settings: { ...manifest.settings, dataset } },
    });
    expect([...files.keys()].every((path) => path.startsWith(`evaluation/${split}/`))).toBe(true);
  });
});
