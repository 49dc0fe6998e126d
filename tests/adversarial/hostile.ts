import fc from 'fast-check';
import { AssayError } from '../../src/index.js';

/** For `fc.assert`: no shrinking, which takes minutes on large texts; a run can be repeated from the seed that is printed. */
export const cases = (numRuns: number) =>
  ({ numRuns, endOnFailure: true, interruptAfterTimeLimit: 90_000, markInterruptAsFailure: true }) as const;

/** Texts that break paths, shells, JSON, regular expressions and encodings. */
export const TEXTS = [
  ...[
    '',
    ' ',
    '\n',
    '\0',
    'a\0b',
    '\ud800',
    '\udc00x',
    '\ufeff',
    '\u2028',
    '😀',
    'Ä',
    '\r',
    '\t',
    '\x1b[31m',
  ],
  ...[
    '..',
    '../../etc/passwd',
    '/etc/passwd',
    '-rf',
    '--output=x',
    'C:\\x',
    'CON',
    'a/b',
    'a b',
    '.',
    '~',
    '*',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'null',
    'undefined',
    'NaN',
    'true',
    '0',
    '-1',
  ],
  ...['$(touch /tmp/x)', '`id`', '; exit 1', "'", '"', '\\', '%s', '<a>', '&amp;', '{}', '[]', '{{', '(?:'],
  ...[
    "['a'",
    "['a', 'b\\']",
    '["a",',
    '[1, 2]',
    '["a", null]',
    '[["a"]]',
    "['\\x4']",
    '["a"]]',
    '[,]',
    '[ ]',
  ],
  ...['2025-13-01', '2025-02-31T99:99', '99999-01-01', '1e400', '0x10', 'psf/requests', 'owner__repo-1'],
] as const;

/** Stands in a row for lists nested that deep; see `withDepth`. */
const DEEP = '@@deep';

/** JSON values that no row or prediction should hold where they are put. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(...TEXTS) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, 2 ** 53, [], {}, [null], [[]]),
  },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(10, 70, 5000, 100_000).map((depth) => `${DEEP}${depth}@@`) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom<string>(...TEXTS, 'x'), fc.constantFrom(1000, 100_000))
      .map(([text, times]) => text.repeat(Math.ceil(times / Math.max(1, text.length)))),
  },
  { weight: 1, arbitrary: fc.array(fc.constantFrom<unknown>(...TEXTS, 1, null, {}), { maxLength: 20 }) },
);

/** JSON text in which the marks of `hostileValue` have become lists that deep: no JSON.stringify could write them. */
export function withDepth(json: string): string {
  return json.replace(/"@@deep(\d+)@@"/g, (_mark, depth: string) => '['.repeat(+depth) + ']'.repeat(+depth));
}

type Json = Record<string, unknown>;

/** A record with some of its members dropped, replaced, renamed or added; also within `nested`. */
export function mangledRecord(base: Readonly<Json>, nested: readonly string[] = []): fc.Arbitrary<Json> {
  const names = Object.keys(base);
  const change = fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop'), name: fc.constantFrom(...names) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('set'),
        name: fc.constantFrom(...names),
        value: hostileValue,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('set'),
        name: fc.oneof(fc.constantFrom<string>(...TEXTS), fc.string()),
        value: hostileValue,
      }),
    },
  );
  const apply = (
    record: Readonly<Json>,
    changes: readonly { kind: string; name: string; value?: unknown }[],
  ) => {
    const entries = new Map(Object.entries(record));
    for (const { kind, name, value } of changes) {
      if (kind === 'drop') entries.delete(name);
      else entries.set(name, value);
    }
    return Object.fromEntries(entries);
  };
  const inner = nested.flatMap((name) =>
    typeof base[name] === 'object' && base[name] !== null
      ? [mangledRecord(base[name] as Json).map((value) => ({ kind: 'set', name, value }))]
      : [],
  );
  return fc.array(fc.oneof(change, ...inner), { maxLength: 3 }).map((changes) => apply(base, changes));
}

/** What happens to the bytes of a file on a bad day. */
export type Damage =
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'zero'; readonly at: number; readonly length: number };

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
export const damages: fc.Arbitrary<readonly Damage[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('cut' as const), at: place }),
    fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat(7) }),
    fc.record({
      kind: fc.constant('insert' as const),
      at: place,
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 9 }),
        fc.constantFrom(
          Uint8Array.of(0xff, 0xfe),
          Uint8Array.of(0xef, 0xbb, 0xbf),
          Uint8Array.of(0xed, 0xa0, 0x80),
        ),
        fc.constantFrom('\r', '\r\n', '\0', '"', '{', '\n\n', ',').map((text) => Buffer.from(text)),
      ),
    }),
    fc.record({ kind: fc.constant('repeat' as const), at: place, length: fc.nat(64) }),
    fc.record({ kind: fc.constant('zero' as const), at: place, length: fc.nat(16) }),
  ),
  { minLength: 1, maxLength: 5 },
);

/** The bytes after the damage; places are fractions of the length. */
export function damaged(bytes: Uint8Array, list: readonly Damage[]): Uint8Array {
  let result = Buffer.from(bytes);
  for (const damage of list) {
    const at = Math.floor(damage.at * result.length);
    switch (damage.kind) {
      case 'cut':
        result = result.subarray(0, at);
        break;
      case 'flip':
        if (result.length > 0) result[at] = (result[at] ?? 0) ^ (1 << damage.bit);
        break;
      case 'insert':
        result = Buffer.concat([result.subarray(0, at), damage.bytes, result.subarray(at)]);
        break;
      case 'repeat':
        result = Buffer.concat([result.subarray(0, at), result.subarray(Math.max(0, at - damage.length))]);
        break;
      case 'zero':
        result.fill(0, at, Math.min(at + damage.length, result.length));
    }
  }
  return result;
}

/** No case of a property may take longer, on a machine that does other work too. Milliseconds. */
const CASE_MS = 5000;

/** What `work` comes to, or the AssayError that it rejects with. Any other error, a second line of one's message, or a hang, throws. */
export async function defined<T>(work: () => Promise<T>): Promise<T | AssayError> {
  const from = performance.now();
  const end = await outcome(work);
  const took = performance.now() - from;
  if (took > CASE_MS) throw new Error(`one case took ${Math.round(took)} ms`);
  return end;
}

async function outcome<T>(work: () => Promise<T>): Promise<T | AssayError> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    if (error.code === 'internal') throw new Error(`a fault of ours: ${error.message}`, { cause: error });
    if (/^\s+at /m.test(`${error.message}\n${error.detail ?? ''}`))
      throw new Error(`a stack trace: ${error.message}`);
    if (error.message.trim() === '' || error.message.length > 5000)
      throw new Error(`a message of ${error.message.length} characters: ${error.message.slice(0, 500)}`);
    return error;
  }
}
