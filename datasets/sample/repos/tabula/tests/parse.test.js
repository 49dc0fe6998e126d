import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CsvError, parse } from '../src/index.js';

describe('parse', () => {
  it('splits rows and fields', () => {
    assert.deepEqual(parse('a,b\nc,d\n'), [['a', 'b'], ['c', 'd']]);
  });

  it('reads a last row without a newline', () => {
    assert.deepEqual(parse('a,b\nc,d'), [['a', 'b'], ['c', 'd']]);
  });

  it('accepts CRLF and lone CR as line ends', () => {
    assert.deepEqual(parse('a\r\nb\rc\n'), [['a'], ['b'], ['c']]);
  });

  it('keeps delimiters, newlines and doubled quotes inside quotes', () => {
    assert.deepEqual(parse('"a,b","c\nd","e ""f"""\n'), [['a,b', 'c\nd', 'e "f"']]);
  });

  it('keeps empty fields between delimiters', () => {
    assert.deepEqual(parse('a,,c\n,,\n'), [['a', '', 'c'], ['', '', '']]);
  });

  it('skips empty lines unless told not to', () => {
    assert.deepEqual(parse('a\n\nb\n'), [['a'], ['b']]);
    assert.deepEqual(parse('a\n\nb\n', { skipEmptyLines: false }), [['a'], [''], ['b']]);
  });

  it('takes another delimiter', () => {
    assert.deepEqual(parse('a;b,c\n', { delimiter: ';' }), [['a', 'b,c']]);
  });

  it('trims plain fields but not quoted ones', () => {
    assert.deepEqual(parse(' a ," b "\n', { trim: true }), [['a', ' b ']]);
  });

  it('skips comment lines', () => {
    assert.deepEqual(parse('# note\na,b\n#x\n', { comment: '#' }), [['a', 'b']]);
  });

  it('gives records with a header', () => {
    assert.deepEqual(parse('id,name\n1,Ada\n', { header: true }), [{ id: '1', name: 'Ada' }]);
  });

  it('refuses a row of another length', () => {
    assert.throws(() => parse('a,b\n1\n', { header: true }), /expected 2 fields but found 1/);
  });

  it('refuses an open quote and text after a closing one', () => {
    assert.throws(() => parse('"a\n'), CsvError);
    assert.throws(() => parse('"a"b\n'), /after a closing quote/);
  });

  it('refuses a delimiter that is not one character', () => {
    assert.throws(() => parse('a', { delimiter: '||' }), TypeError);
  });
});
