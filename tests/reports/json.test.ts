import { expect, test } from '@jest/globals';
import { reporters } from '../../reports/index.js';
import { summarise } from '../../src/index.js';
import { MIXED } from './run-results.js';

test('report.json holds the manifest, the summary, and each attempt with counts in place of test names', () => {
  const summary = summarise(MIXED);
  const [file] = reporters.json(MIXED, summary);
  const report = JSON.parse(file?.content ?? '');
  expect(file?.path).toBe('report.json');
  expect(report).toMatchObject({ schemaVersion: 1, incomplete: true, run: { runId: 'run-1' } });
  expect(report.summary).toEqual(JSON.parse(JSON.stringify(summary)));
  expect(report.instances).toHaveLength(9);
  expect(report.instances[1]).toMatchObject({
    instanceId: 'django__django-2',
    planned: 1,
    resolved: 0,
    attempts: [
      {
        attempt: 1,
        outcome: 'unresolved',
        tests: { FAIL_TO_PASS: { success: 0, failure: 1 }, PASS_TO_PASS: { success: 1, failure: 0 } },
      },
    ],
  });
  expect(report.instances[8]).toMatchObject({ instanceId: 'flask__flask-1', attempts: [] });
});
