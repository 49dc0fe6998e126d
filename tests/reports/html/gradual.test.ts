import { describe, expect, test } from '@jest/globals';
import { within } from '../../../reports/html/app/parts/gradual.js';

const keys = Array.from({ length: 250 }, (_, index) => String(index));

describe('how far a long list is drawn at once', () => {
  test('fifty items that are new', () => {
    expect(within(keys, new Set())).toBe(50);
    expect(within(keys, new Set(keys.slice(0, 100)))).toBe(150);
    expect(within(keys, new Set(keys.slice(0, 200)))).toBe(250);
  });

  test('to its end where no more than that are new, wherever they stand', () => {
    expect(within(keys, new Set(keys.slice(50)))).toBe(250);
    expect(within([], new Set())).toBe(0);
  });
});
