import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { COLOURS } from '../../../reports/charts/style.js';
import { cutTo, label, textWidth, wrap } from '../../../reports/charts/text.js';

describe('text of charts', () => {
  it('is cut at its end where there is no room, between characters', () => {
    expect(cutTo('django/django', 200)).toBe('django/django');
    expect(cutTo('django/django', 60)).toBe('django/…');
    expect(cutTo('💡'.repeat(99), 40)).toBe('💡💡…');
    expect(cutTo('x'.repeat(100_000), 30).length).toBeLessThan(6);
  });

  it('has no character that XML or a line lacks', () => {
    expect(label('a\u0000b\u202ec\ud800d\uffffe\nf')).toBe('a b c\ufffdd\ufffde f');
  });

  it('goes over to the next line at a space', () => {
    const lines = wrap('one two three four', 60);
    expect(lines).toEqual(['one two', 'three', 'four']);
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(60);
  });
});

describe('colours of charts', () => {
  it.each(Object.entries(COLOURS))('--%s is as in the page, light and dark', async (name, shades) => {
    const css = await readFile('reports/html/app/base.css', 'utf8');
    expect([...css.matchAll(new RegExp(`--${name}: (#\\w+);`, 'g'))].map(([, shade]) => shade)).toEqual([
      ...shades,
    ]);
  });
});
