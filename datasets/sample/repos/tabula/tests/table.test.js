import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Table } from '../src/index.js';

const fruit = () => [
  { name: 'pear', kind: 'pome', price: 3 },
  { name: 'plum', kind: 'stone', price: 2 },
  { name: 'apple', kind: 'pome', price: 1 },
];

describe('Table', () => {
  it('filters and selects', () => {
    const table = new Table(fruit()).where((row) => row.price > 1).select('name');
    assert.deepEqual(table.toRecords(), [{ name: 'pear' }, { name: 'plum' }]);
    assert.equal(table.size, 2);
  });

  it('names the columns when one is unknown', () => {
    assert.throws(() => new Table(fruit()).select('colour'), /no column "colour"; there are name, kind, price/);
  });

  it('sorts without changing the original', () => {
    const table = new Table(fruit());
    assert.deepEqual(table.sortBy('price').select('price').toRecords(), [{ price: 1 }, { price: 2 }, { price: 3 }]);
    assert.equal(table.toRecords()[0].name, 'pear');
  });

  it('sorts blanks last and mixed types by type', () => {
    const rows = [{ v: 'b' }, { v: null }, { v: 2 }, { v: 'a' }, { v: 10 }];
    assert.deepEqual(new Table(rows).sortBy('v').toRecords().map((row) => row.v), [2, 10, 'a', 'b', null]);
  });

  it('groups and aggregates', () => {
    const sum = (rows) => rows.reduce((total, row) => total + row.price, 0);
    assert.deepEqual(new Table(fruit()).groupBy('kind', { n: (rows) => rows.length, sum }).toRecords(), [
      { kind: 'pome', n: 2, sum: 4 },
      { kind: 'stone', n: 1, sum: 2 },
    ]);
  });

  it('fills in defaults', () => {
    const rows = [{ a: 1, b: null }, { a: 2 }];
    assert.deepEqual(new Table(rows).withDefaults({ b: 0 }).toRecords(), [{ a: 1, b: 0 }, { a: 2, b: 0 }]);
  });

  it('joins on a column', () => {
    const stock = new Table([
      { name: 'pear', count: 5 },
      { name: 'pear', count: 7 },
      { name: 'kiwi', count: 1 },
    ]);
    assert.deepEqual(new Table(fruit()).select('name').join(stock, 'name').toRecords(), [
      { name: 'pear', count: 5 },
      { name: 'pear', count: 7 },
    ]);
  });
});
