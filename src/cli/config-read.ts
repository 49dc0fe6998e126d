import { existsSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, type Node, parse, parseDocument } from 'yaml';
import yargs, { type Options } from 'yargs';
import { messageOf } from '../util/words.js';
import { parseFault, usage } from './exit.js';
import type { Host } from './host.js';

/** `-c`, of every command but those whose own `-c` is something else. */
export const CONFIG_FLAG = {
  alias: 'c',
  type: 'string',
  array: true,
  nargs: 1,
  desc: 'Settings: a YAML or JSON file, or KEY=VALUE, e.g. eval.workers=4 (repeatable, the later wins): docs/configuration.md',
} as const satisfies Options;

/** A value that a file or `-c` gives to a flag. */
export interface Setting {
  /** The words of the commands that it is for: none, `images`, or `images pull`. */
  readonly section: readonly string[];
  readonly flag: string;
  readonly value: unknown;
  /** `assay.yaml:3`, or `-c workers=4`. */
  readonly from: string;
}

const IN_FOLDER = ['assay.yaml', 'assay.json'];

/**
 * The settings of the working folder, then those of ASSAY_CONFIG and of `-c`, whose values are given, in the order of their weight.
 * Throws `usage` for a file that is not there or can't be read.
 */
export function readSettings(configs: readonly string[], host: Host): readonly Setting[] {
  const here = IN_FOLDER.filter((name) => existsSync(resolve(host.cwd, name)));
  if (here.length > 1) throw usage(`there are both ${here.join(' and ')} in this folder: keep one`);
  const inEnv = host.env['ASSAY_CONFIG'] ?? '';
  const given = [...inEnv.split(',').filter((part) => part !== ''), ...configs];
  return [
    ...here.flatMap((name) => readFile(name, host)),
    ...given.flatMap((text) => (ASSIGNMENT.test(text) ? assigned(text) : readFile(text, host))),
  ];
}

const ASSIGNMENT = /^[A-Za-z][\w-]*(\.[A-Za-z][\w-]*)*=/;

/** The values of `-c`: the command line is read for this flag alone, as the files must be known before the rest of it is. */
export function configArguments(argv: readonly string[]): readonly string[] {
  const parser = yargs([...argv])
    .help(false)
    .version(false)
    .exitProcess(false)
    .option('config', CONFIG_FLAG)
    .fail((message, error) => {
      throw parseFault(message, error);
    });
  return (parser.parseSync()['config'] as string[] | undefined) ?? [];
}

function assigned(text: string): Setting[] {
  const at = text.indexOf('=');
  const path = text.slice(0, at).split('.');
  const flag = path.pop() as string;
  let value: unknown;
  try {
    value = parse(text.slice(at + 1));
  } catch (error) {
    throw usage(`-c ${text}: ${messageOf(error)}`);
  }
  return [{ section: path, flag, value, from: `-c ${text}` }];
}

function readFile(name: string, host: Host): Setting[] {
  let text: string;
  try {
    text = readFileSync(resolve(host.cwd, name), 'utf8');
  } catch (error) {
    throw usage(`settings ${name}: ${messageOf(error)}`);
  }
  const lines = new LineCounter();
  // JSON is YAML, too.
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error !== undefined) throw usage(`settings ${name}: ${error.message}`);
  const { contents } = document;
  if (contents === null) return [];
  if (!isMap(contents)) throw usage(`settings ${name}: expected names of flags and of commands`);
  const where = (node: Node) => `${basename(name)}:${lines.linePos(node.range?.[0] ?? 0).line}`;
  const walk = (map: Node, section: readonly string[]): Setting[] => {
    if (!isMap(map)) return [];
    return map.items.flatMap(({ key, value }) => {
      if (!isScalar(key)) throw usage(`settings ${name}: a key must be a name`);
      const flag = String(key.value);
      if (isMap(value)) return walk(value, [...section, flag]);
      const plain = value === null ? null : (value as Node).toJS(document);
      return [{ section, flag, value: plain, from: where(key) }];
    });
  };
  return walk(contents, []);
}
