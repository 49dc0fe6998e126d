import { describe, expect, test } from '@jest/globals';
import { reporters } from '../../reports/index.js';
import { type ProfileName, type RunResults, summarise } from '../../src/index.js';
import { instance, MIXED, runResults, verdict } from './run-results.js';

function official(results: RunResults): Map<string, string> {
  const files = reporters.official(results, summarise(results));
  return new Map(files.map(({ path, content }) => [path, content]));
}

function under(profile: ProfileName): RunResults {
  const { manifest, instances, verdicts } = MIXED;
  return {
    manifest: { ...manifest, settings: { ...manifest.settings, profile } },
    instances,
    verdicts: verdicts.map((item) => ({ ...item, profile })),
  };
}

describe('the summary of the reference harness', () => {
  test('has the keys of version 5 and classifies as it would', () => {
    expect(`\n${official(under('v5')).get('acme__solver.run-1.json')}`).toMatchInlineSnapshot(`
"
{
    "total_instances": 9,
    "submitted_instances": 8,
    "completed_instances": 3,
    "resolved_instances": 1,
    "unresolved_instances": 2,
    "infra_failure_instances": 2,
    "ambiguous_failure_instances": 1,
    "empty_patch_instances": 1,
    "error_instances": 4,
    "completed_ids": [
        "django__django-1",
        "django__django-2",
        "sympy__sympy-4"
    ],
    "incomplete_ids": [
        "sympy__sympy-5"
    ],
    "empty_patch_ids": [
        "django__django-3"
    ],
    "submitted_ids": [
        "django__django-1",
        "django__django-2",
        "django__django-3",
        "flask__flask-1",
        "sympy__sympy-1",
        "sympy__sympy-2",
        "sympy__sympy-3",
        "sympy__sympy-4"
    ],
    "resolved_ids": [
        "django__django-1"
    ],
    "unresolved_ids": [
        "django__django-2",
        "sympy__sympy-4"
    ],
    "infra_failure_ids": [
        "sympy__sympy-3",
        "sympy__sympy-4"
    ],
    "ambiguous_failure_ids": [
        "sympy__sympy-2"
    ],
    "failure_reasons": {
        "sympy__sympy-2": "tests_timed_out",
        "sympy__sympy-3": "image_pull_limited",
        "sympy__sympy-4": "out_of_memory"
    },
    "error_ids": [
        "flask__flask-1",
        "sympy__sympy-1",
        "sympy__sympy-2",
        "sympy__sympy-3"
    ],
    "schema_version": 2,
    "unstopped_instances": 0,
    "unstopped_containers": [],
    "unremoved_images": [
        "sweb.eval.django__django-1",
        "sweb.eval.django__django-2",
        "sweb.eval.django__django-3",
        "sweb.eval.sympy__sympy-1",
        "sweb.eval.sympy__sympy-2",
        "sweb.eval.sympy__sympy-3",
        "sweb.eval.sympy__sympy-4"
    ]
}
"
`);
  });

  test('of version 4.1 lacks the keys that came with version 5', () => {
    const text = official(under('v4.1')).get('acme__solver.run-1.json') ?? '';
    expect(Object.keys(JSON.parse(text))).toEqual([
      'total_instances',
      'submitted_instances',
      'completed_instances',
      'resolved_instances',
      'unresolved_instances',
      'empty_patch_instances',
      'error_instances',
      'completed_ids',
      'incomplete_ids',
      'empty_patch_ids',
      'submitted_ids',
      'resolved_ids',
      'unresolved_ids',
      'error_ids',
      'schema_version',
    ]);
  });
});

describe('report.json of an instance', () => {
  const folder = 'logs/run_evaluation/run-1/acme__solver';

  test('is there for graded attempts alone', () => {
    expect([...official(MIXED).keys()]).toEqual([
      'acme__solver.run-1.json',
      `${folder}/django__django-1/report.json`,
      `${folder}/django__django-2/report.json`,
      `${folder}/sympy__sympy-4/report.json`,
    ]);
  });

  test('has the layout of the reference', () => {
    const files = official(MIXED);
    expect(`\n${files.get(`${folder}/django__django-2/report.json`)}`).toMatchInlineSnapshot(`
"
{
    "django__django-2": {
        "patch_is_None": false,
        "patch_exists": true,
        "patch_successfully_applied": true,
        "resolved": false,
        "infra_failure": false,
        "tests_status": {
            "FAIL_TO_PASS": {
                "success": [],
                "failure": [
                    "test_fix"
                ]
            },
            "PASS_TO_PASS": {
                "success": [
                    "test_old"
                ],
                "failure": []
            },
            "FAIL_TO_FAIL": {
                "success": [],
                "failure": []
            },
            "PASS_TO_FAIL": {
                "success": [],
                "failure": []
            }
        }
    }
}"
`);
    expect(`\n${files.get(`${folder}/sympy__sympy-4/report.json`)}`).toMatchInlineSnapshot(`
"
{
    "sympy__sympy-4": {
        "patch_is_None": false,
        "patch_exists": true,
        "patch_successfully_applied": false,
        "resolved": false,
        "infra_failure": true,
        "infra_failure_reason": "out_of_memory"
    }
}"
`);
    expect(official(under('v4.1')).get(`${folder}/sympy__sympy-4/report.json`)).not.toContain('infra');
  });

  test('names an infrastructure failure only where no test run was found', () => {
    const flagged = verdict('a__a-1', { outcome: 'unresolved' });
    const results = runResults(
      [instance('a__a-1')],
      [{ ...flagged, official: { ...flagged.official, infraFailureReason: 'missing_module' } }],
    );
    const files = official(results);
    expect(files.get(`${folder}/a__a-1/report.json`)).not.toContain('infra_failure_reason');
    expect(JSON.parse(files.get('acme__solver.run-1.json') ?? '')).toMatchObject({
      ambiguous_failure_ids: ['a__a-1'],
      failure_reasons: { 'a__a-1': 'missing_module' },
    });
  });

  test('escapes what is not ASCII, as Python does', () => {
    const tests = {
      FAIL_TO_PASS: { success: ['tést 😀'], failure: [] },
      PASS_TO_PASS: { success: [], failure: [] },
    };
    const files = official(runResults([instance('a__a-1')], [verdict('a__a-1', { tests })]));
    expect(files.get(`${folder}/a__a-1/report.json`)).toContain('"t\\u00e9st \\ud83d\\ude00"');
  });
});

test('each further attempt is a run of its own', () => {
  const twice = { attempts: 2 };
  const files = official(
    runResults(
      [instance('a__a-1', twice), instance('a__a-2')],
      [verdict('a__a-1'), verdict('a__a-1', { attempt: 2, outcome: 'unresolved' }), verdict('a__a-2')],
    ),
  );
  const ids = (name: string) => JSON.parse(files.get(name) ?? '{}');
  expect(ids('acme__solver.run-1.json').resolved_ids).toEqual(['a__a-1', 'a__a-2']);
  expect(ids('acme__solver.run-1-attempt2.json')).toMatchObject({
    submitted_ids: ['a__a-1'],
    unresolved_ids: ['a__a-1'],
    incomplete_ids: ['a__a-2'],
  });
});

test.each(['..', '.', '', '../../etc', 'a/b', '\\..\\x'])(
  'a name like %j stays inside the folder',
  (name) => {
    const results = runResults([instance(name, { repo: 'r' })], [verdict(name, { model: name })], {
      model: name,
    });
    for (const path of official(results).keys()) {
      const parts = path.split('/');
      expect(parts).not.toContain('..');
      expect(parts).not.toContain('.');
      expect(parts).not.toContain('');
      expect([1, 6]).toContain(parts.length);
    }
  },
);
