import { describe, expect, test } from '@jest/globals';
import { Tally } from '../../src/cli/progress.js';
import type { Outcome, RunEvent, Verdict } from '../../src/index.js';

const at = '2026-01-01T00:00:00.000Z';
const verdict = (instanceId: string, outcome: Outcome): RunEvent => ({
  type: 'verdict',
  at,
  verdict: { instanceId, attempt: 1, outcome } as Verdict,
});

describe('the progress line', () => {
  test('counts what a resumed run had done, and estimates from the median of finished attempts and the workers', () => {
    let now = 0;
    const tally = new Tally(() => now);
    tally.add({
      type: 'run_start',
      at,
      runId: 'r',
      total: 10,
      done: 4,
      counts: { resolved: 3, infra_error: 1 },
      workers: 2,
      folder: '',
      pid: 1,
    });
    expect(tally.line()).toBe('4/10, 3 resolved, 1 infra errors, eta --:--');
    for (const [id, seconds] of [
      ['a', 10],
      ['b', 20],
      ['c', 600],
    ] as const) {
      tally.add({ type: 'attempt_start', at, instanceId: id, attempt: 1, try: 1 });
      now += seconds * 1000;
      tally.add(verdict(id, 'resolved'));
    }
    expect(tally.line()).toBe('7/10, 6 resolved, 1 infra errors, eta 00:30');
  });

  test('knows the phase of each running instance until its verdict', () => {
    const tally = new Tally(() => 0);
    tally.add({ type: 'attempt_start', at, instanceId: 'a', attempt: 2, try: 1 });
    tally.add({ type: 'phase', at, instanceId: 'a', attempt: 2, phase: 'test' });
    expect([...tally.running]).toEqual([['a #2', { since: 0, phase: 'test' }]]);
    tally.add({
      ...verdict('a', 'unresolved'),
      verdict: { instanceId: 'a', attempt: 2, outcome: 'unresolved' } as Verdict,
    } as RunEvent);
    expect(tally.running.size).toBe(0);
  });
});
