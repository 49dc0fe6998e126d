import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { displayWidth, render, truncate } from '../src/index.js';

describe('truncate', () => {
  it('leaves short texts alone', () => {
    assert.equal(truncate('abc', 3), 'abc');
  });

  it('marks what was cut', () => {
    assert.equal(truncate('abcdef', 4), 'abc…');
    assert.equal(truncate('abcdef', 1), '…');
  });
});

describe('displayWidth', () => {
  it('counts letters', () => {
    assert.equal(displayWidth('naïve'), 5);
    assert.equal(displayWidth(''), 0);
  });
});

describe('render', () => {
  it('aligns texts left and numbers right', () => {
    const text = render([
      { name: 'pear', price: 12.5 },
      { name: 'fig', price: 3 },
    ]);
    assert.equal(text, 'name  price\n----  -----\npear   12.5\nfig       3\n');
  });

  it('shows blanks and dates', () => {
    assert.equal(render([{ d: new Date('2026-03-01'), e: null }]), 'd           e\n----------  -\n2026-03-01\n');
  });

  it('limits the width of columns', () => {
    assert.equal(render([{ note: 'abcdefgh' }], { maxWidth: 5 }), 'note\n-----\nabcd…\n');
  });

  it('says when there is nothing', () => {
    assert.equal(render([]), '(no rows)\n');
  });
});
