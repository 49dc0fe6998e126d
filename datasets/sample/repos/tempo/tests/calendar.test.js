import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addDays, startOfDay, wallTime } from '../src/index.js';

const at = (text) => Date.parse(text);
const iso = (instant) => new Date(instant).toISOString();

describe('wallTime', () => {
  it('reads the clock of a zone', () => {
    assert.deepEqual(wallTime(at('2026-07-01T22:30:05Z'), 'Europe/Berlin'), {
      year: 2026,
      month: 7,
      day: 2,
      hour: 0,
      minute: 30,
      second: 5,
    });
  });
});

describe('startOfDay', () => {
  it('finds midnight in a zone', () => {
    assert.equal(iso(startOfDay(at('2026-01-15T12:00:00Z'), 'America/New_York')), '2026-01-15T05:00:00.000Z');
  });

  it('finds midnight on the day that the clocks change', () => {
    assert.equal(iso(startOfDay(at('2026-03-29T12:00:00Z'), 'Europe/Berlin')), '2026-03-28T23:00:00.000Z');
    assert.equal(iso(startOfDay(at('2026-10-25T12:00:00Z'), 'Europe/Berlin')), '2026-10-24T22:00:00.000Z');
  });
});

describe('addDays', () => {
  it('goes forward and back', () => {
    assert.equal(iso(addDays(at('2026-01-30T08:15:00Z'), 3, 'UTC')), '2026-02-02T08:15:00.000Z');
    assert.equal(iso(addDays(at('2026-03-01T08:15:00Z'), -1, 'UTC')), '2026-02-28T08:15:00.000Z');
  });

  it('refuses part of a day and unknown zones', () => {
    assert.throws(() => addDays(0, 0.5, 'UTC'), RangeError);
    assert.throws(() => addDays(0, 1, 'Mars/Olympus'), RangeError);
  });
});
