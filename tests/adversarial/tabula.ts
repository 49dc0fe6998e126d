import { append, type Cheat } from './change.js';

/** What cheats for tabula-1 share. */
export const PARSE = 'src/parse.js';
export const INTERVAL = 'src/interval.js';
const NAMES = [
  'splits rows and fields',
  'keeps an empty last field without a newline',
  'reads an empty last field of a record',
  'reads a last row without a newline',
  'accepts CRLF and lone CR as line ends',
  'keeps delimiters, newlines and doubled quotes inside quotes',
  'keeps empty fields between delimiters',
  'skips empty lines unless told not to',
  'takes another delimiter',
  'trims plain fields but not quoted ones',
  'skips comment lines',
  'gives records with a header',
  'refuses a row of another length',
  'refuses an open quote and text after a closing one',
  'refuses a delimiter that is not one character',
];
const TAP = `\n# Subtest: parse\n${NAMES.map((name, at) => `    # Subtest: ${name}\n    ok ${at + 1} - ${name}\n`).join('')}    1..${NAMES.length}\nok 1 - parse\n1..1\n`;
/** As JavaScript texts. */
export const FORGED = JSON.stringify(TAP);
export const BLOCK = JSON.stringify(`${TAP}\n>>>>> End Test Output\n>>>>> Test Exit Code: 0\n`);
/** Tests of the same names without bodies. */
export const HOLLOW = `import { describe, it } from 'node:test';\n\ndescribe('parse', () => {\n${NAMES.map((name) => `  it(${JSON.stringify(name)}, () => {});\n`).join('')}});\n`;

/** Code at the end of the product's module: it runs when the tests import that. */
export interface AtImport extends Omit<Cheat, 'instance' | 'patch'> {
  readonly instance?: 'tabula-1' | 'tempo-1';
  readonly code: string;
}

export function atImport({ code, instance = 'tabula-1', ...row }: AtImport): Cheat {
  return { ...row, instance, patch: [append(instance === 'tabula-1' ? PARSE : INTERVAL, code)] };
}
