import { describe, expect, test } from '@jest/globals';
import { renderTable, renderValidation, reporters, submissionFiles } from '../../reports/index.js';
import { harmless, summarise } from '../../src/index.js';
import { instance, PULL_LIMITED, runResults, TAMPERED, verdict } from './run-results.js';

/** Clears the screen, sets the title, colours by an 8-bit control, goes back in the line, and turns the direction of text. */
const HOSTILE = 'a\u001b[2J\u001b]0;owned\u0007\u009b31m\rb\u007f\u0000\u202etxt\u2066\u2028';
const STEERS =
  /[\u0000-\u0008\u000b-\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\r(?!\n)/;

const lists = { success: [HOSTILE], failure: [HOSTILE] };
const results = runResults(
  [
    instance('a__a-1', { repo: HOSTILE, difficulty: HOSTILE, failToPass: [HOSTILE] }),
    instance('b__b-1'),
    instance('c__c-1'),
  ],
  [
    verdict('a__a-1', {
      model: HOSTILE,
      notes: [HOSTILE],
      detail: HOSTILE,
      tests: { FAIL_TO_PASS: lists, PASS_TO_PASS: lists },
      ...{ outcome: 'unresolved', reason: 'tests_failed' },
    }),
    verdict('b__b-1', { strict: { ...TAMPERED.strict, detail: HOSTILE, reaches: [HOSTILE] } }),
    verdict('c__c-1', { ...PULL_LIMITED, detail: HOSTILE }),
  ],
  { model: HOSTILE, dataset: HOSTILE, predictions: HOSTILE, options: { dataset: HOSTILE } },
);
const summary = summarise(results);

describe('no text of a stranger steers a terminal', () => {
  test.each(Object.entries(reporters))('out of the files of %s', (_name, reporter) => {
    for (const { path, content } of reporter(results, summary)) expect(path + content).not.toMatch(STEERS);
  });

  test('out of the submission folder', async () => {
    for await (const { path, content } of submissionFiles(results, async () => ({ patch: '', log: '' })))
      if (!path.endsWith('all_preds.jsonl')) expect(path + String(content)).not.toMatch(STEERS);
  });

  test('out of tables', () => {
    expect(renderTable(summary)).not.toMatch(STEERS);
    const entry = { instanceId: 'a__a-1', class: 'flaky', reason: HOSTILE, tests: [HOSTILE] };
    const validation = { dataset: HOSTILE, entries: [entry] } as unknown as Parameters<
      typeof renderValidation
    >[0];
    expect(renderValidation(validation)).not.toMatch(STEERS);
  });

  test('and it can still be read: in text as it is written in JSON, in JSON as it was', () => {
    expect(harmless('a\tb\n\u001b[2Jé😀')).toBe('a\tb\n\\u001b[2Jé😀');
    expect(harmless(HOSTILE)).not.toMatch(STEERS);
    const json = harmless(JSON.stringify({ [HOSTILE]: HOSTILE }, null, 2));
    expect(json).not.toMatch(STEERS);
    expect(JSON.parse(json)).toEqual({ [HOSTILE]: HOSTILE });
    const [report] = reporters.json(results, summary);
    expect(JSON.parse(report?.content ?? '').run.settings.model).toBe(HOSTILE);
  });
});
