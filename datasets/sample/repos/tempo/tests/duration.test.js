import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatDuration, parseDuration } from '../src/index.js';

describe('parseDuration', () => {
  it('adds up units', () => {
    assert.equal(parseDuration('1h 30m'), 5_400_000);
    assert.equal(parseDuration('2d'), 172_800_000);
    assert.equal(parseDuration('1m30s'), 90_000);
  });

  it('reads fractions and milliseconds', () => {
    assert.equal(parseDuration('1.5s'), 1500);
    assert.equal(parseDuration('250ms'), 250);
    assert.equal(parseDuration(' 250 '), 250);
  });

  it('refuses other text', () => {
    assert.throws(() => parseDuration('soon'), RangeError);
    assert.throws(() => parseDuration(''), RangeError);
  });
});

describe('formatDuration', () => {
  it('shows the two largest units', () => {
    assert.equal(formatDuration(5_400_000), '1h 30m');
    assert.equal(formatDuration(125_000), '2m 5s');
    assert.equal(formatDuration(90_061_000), '1d 1h');
  });

  it('leaves out a zero', () => {
    assert.equal(formatDuration(7_200_000), '2h');
  });

  it('shows short durations finely', () => {
    assert.equal(formatDuration(250), '250ms');
    assert.equal(formatDuration(1540), '1.5s');
  });

  it('shows negative durations', () => {
    assert.equal(formatDuration(-125_000), '-2m 5s');
  });
});
