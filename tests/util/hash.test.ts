import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../src/index.js';

describe('canonical JSON', () => {
  test('is the JSON of the value, whatever the order of its keys', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'é\u2028"' }], a: undefined, e: 10n })).toBe(
      `{"b":[1,{"c":${JSON.stringify('é\u2028"')},"d":null}],"e":10}`,
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        expect(canonicalJson(Object.fromEntries(Object.entries(value).reverse()))).toBe(canonicalJson(value));
      }),
    );
  });
});
