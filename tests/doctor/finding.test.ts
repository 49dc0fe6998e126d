import { describe, expect, test } from '@jest/globals';
import { type Check, ok, runChecks } from '../../src/doctor/finding.js';
import { AssayError } from '../../src/errors.js';
import type { Clock } from '../../src/util/clock.js';

/** A clock whose deadlines pass when it is told to. */
function handClock(): Clock & { readonly pass: () => void } {
  const waiting = new Set<() => void>();
  return {
    now: () => 0,
    iso: () => '2026-01-01T00:00:00.000Z',
    after(_ms, fire) {
      waiting.add(fire);
      return () => waiting.delete(fire);
    },
    pass: () => {
      for (const fire of waiting) fire();
    },
  };
}

describe('running checks', () => {
  test('one that hangs, throws or rejects is a failure with a fix, and stops no other', async () => {
    const clock = handClock();
    let aborted = false;
    const checks: readonly Check[] = [
      {
        name: 'hangs',
        look: (signal) =>
          new Promise(() => {
            signal.addEventListener('abort', () => {
              aborted = true;
            });
          }),
      },
      {
        name: 'throws',
        look: () => {
          throw new Error('a defect');
        },
      },
      {
        name: 'rejects',
        look: async () => {
          throw new AssayError('disk_full', 'no space');
        },
      },
      { name: 'well', look: async () => ok('fine') },
    ];
    const lines = runChecks(checks, { clock, ms: 9000 });
    expect(await lines[3]).toEqual({ check: 'well', status: 'ok', found: 'fine' });
    clock.pass();
    expect(await Promise.all(lines)).toEqual([
      { check: 'hangs', status: 'fail', found: 'no answer in 9 s', fix: expect.stringContaining('hangs') },
      { check: 'throws', status: 'fail', found: 'a defect', fix: expect.stringContaining('report') },
      {
        check: 'rejects',
        status: 'fail',
        found: 'no space',
        fix: expect.stringContaining('Free disk space'),
      },
      { check: 'well', status: 'ok', found: 'fine' },
    ]);
    expect(aborted).toBe(true);
  });
});
