import { describe, expect, test } from '@jest/globals';
import { cite } from '../../../reports/html/cite.js';
import { runPage } from '../../../reports/html/run-page.js';
import type { RunResults } from '../../../src/model/run.js';
import { summarise } from '../../../src/stats/summary.js';
import { instance, MIXED, runResults, verdict } from '../run-results.js';

const of = (results: RunResults) =>
  cite(runPage({ results, summary: summarise(results), sources: new Map(), generatedAt: '' }));

describe('the citation of a run', () => {
  test('names the figure with its doubts and all that it depends on', () => {
    expect(of(runResults([instance('a__a-1')], [verdict('a__a-1')]))).toBe(
      'Pass@1 100.0 % (95 % interval 20.7 to 100.0 %; 1 of 1), one attempt, verified at revision c104f84, profile v5, ' +
        'docker without network, 1800 s, assay 0.1.0.',
    );
  });

  test('says that the figure is not final', () => {
    expect(of(MIXED)).toMatch(/^INCOMPLETE: Pass@1 11\.1 %/);
  });

  test('gives mean and standard error over runs of several attempts', () => {
    const results = runResults(
      [instance('a__a-1', { attempts: 2 })],
      [verdict('a__a-1'), verdict('a__a-1', { attempt: 2, outcome: 'unresolved' })],
      { epochs: 2 },
    );
    expect(of(results)).toContain('; 0.50 of 1; 50.0 ± 50.0 % over runs), 2 attempts each, ');
  });

  test('names a local file by its hash, and attempts that had a network', () => {
    const results = runResults([instance('a__a-1')], [verdict('a__a-1', { granted: { network: true } })], {
      datasetRevision: 'local',
      datasetSha256: '0123456789abcdef',
    });
    expect(of(results)).toContain(
      'verified with sha256 0123456789ab, profile v5, docker with network for 1 attempt',
    );
  });

  test('says of an imported run that nothing was run here, and claims no conditions', () => {
    const results = runResults(
      [instance('a__a-1')],
      [verdict('a__a-1', { reason: 'published', engine: 'imported' })],
      { engine: 'imported', timeoutSeconds: 0 },
    );
    expect(of(results)).toMatch(
      /profile v5, imported, not run here: 1 outcome taken as published, assay 0\.1\.0\.$/,
    );
  });
});
