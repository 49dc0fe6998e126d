import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, stringify } from '../src/index.js';

describe('stringify', () => {
  it('writes rows', () => {
    assert.equal(stringify([['a', 1], ['b', null]]), 'a,1\nb,\n');
  });

  it('writes records with a header', () => {
    assert.equal(stringify([{ a: 1, b: 2 }, { b: 3, c: 4 }]), 'a,b,c\n1,2,\n,3,4\n');
  });

  it('chooses and orders columns', () => {
    assert.equal(stringify([{ a: 1, b: 2 }], { columns: ['b'] }), 'b\n2\n');
    assert.equal(stringify([], { columns: ['b'] }), 'b\n');
  });

  it('leaves the header out on request', () => {
    assert.equal(stringify([{ a: 1 }], { header: false }), '1\n');
  });

  it('quotes commas, quotes and line ends', () => {
    assert.equal(stringify([['a,b', 'say "hi"', 'x\ny', 'p\rq']]), '"a,b","say ""hi""","x\ny","p\rq"\n');
  });

  it('survives a round trip', () => {
    const rows = [['a,b', '"', 'line\nbreak', ' space ']];
    assert.deepEqual(parse(stringify(rows)), rows);
  });
});
