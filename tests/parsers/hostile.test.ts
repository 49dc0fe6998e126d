import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ParserSet, parserFinder, parserNames } from '../../benchmarks/parsers/registry.js';
import { cpuSeconds } from '../helpers/cpu.js';

const SETS: readonly ParserSet[] = ['swe-bench-5', 'swe-bench-4', 'swe-rebench-2'];

/** Pieces that the parsers look for, and characters that Python and JavaScript see differently. */
const PIECES = [
  ...[
    'FAILED',
    'PASSED',
    'SKIPPED',
    'ERROR',
    'XFAIL',
    ' - ',
    ' ... ',
    ' ... ok',
    'ok',
    'FAIL:',
    'ERROR:',
    ' PASSED ',
  ],
  ...[
    '.py:',
    '_',
    'test_',
    ' F',
    '[',
    ']',
    '[3]',
    '[32m',
    '/',
    '\x1b[0m',
    'MouseButton.LEFT',
    '\n',
    '\n\n',
    ' ',
    '  ',
  ],
  ...[
    '\t',
    '\x0b',
    '\x1c',
    '\x85',
    '\u2028',
    '\ufeff',
    '\u0000',
    '\ud800',
    'é',
    '😀',
    '✓',
    '✕',
    '1) ',
    '(3 ms)',
    '{',
    '}',
  ],
  ...[
    ' silenced).\nok',
    'Testing against Django installed in ',
    'Internal Server Error: /',
    '--- PASS: ',
    '<a>',
    '</a>',
  ],
];
const soup = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })), { maxLength: 60 });

describe.each(SETS)('every parser of %s', (set) => {
  const find = parserFinder(set);

  test('takes any text without throwing', () => {
    fc.assert(
      fc.property(soup, fc.constantFrom(...parserNames(set)), (pieces, name) => {
        const statuses = find(name)(pieces.join(''), 'owner__repo-1');
        for (const status of statuses?.values() ?? [])
          expect(status).toMatch(/^(PASSED|FAILED|SKIPPED|ERROR|XFAIL|OTHER)$/);
      }),
      { numRuns: 3000 },
    );
  });

  test('takes a long row of one piece in linear time', () => {
    const parsers = new Map(parserNames(set).map((name) => [find(name), name]));
    for (const [parse, name] of parsers) {
      for (const piece of PIECES) {
        const row = piece.repeat(100_000 / piece.length);
        for (const log of [row, `PASSED ${row} x`]) {
          const took = cpuSeconds(() => parse(log, 'owner__repo-1'));
          if (took > 5) throw new Error(`${name} took ${took} s on ${JSON.stringify(piece)}`);
        }
      }
    }
  }, 120_000);
});
