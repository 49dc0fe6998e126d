import type { Options } from 'yargs';
import { isHubOffline } from '../dataset/hub.js';
import { AssayError } from '../errors.js';
import { type KnownCommand, settingFaults, valueFault } from './config-check.js';
import { readSettings, type Setting } from './config-read.js';
import { usage } from './exit.js';
import type { Host } from './host.js';

/** A value that a flag has when the command line doesn't give it. */
export interface Effective {
  readonly value: unknown;
  /** `ASSAY_WORKERS`, `-c workers=4`, `assay.yaml:3`. */
  readonly from: string;
}

/** Variables that are no flags: the folder of our cache, and settings themselves. */
const RESERVED: ReadonlySet<string> = new Set(['ASSAY_CACHE', 'ASSAY_CONFIG']);

/** The environment variable of a flag: `ASSAY_MAX_DISK`; undefined where that means something else. */
export function variableOf(flag: string): string | undefined {
  const name = `ASSAY_${flag.toUpperCase().replaceAll('-', '_')}`;
  return RESERVED.has(name) ? undefined : name;
}

/** What the environment and settings say of the flags of a command; throws `usage` for anything in them that no command takes. */
export function settingsFor(
  { words, flags }: KnownCommand,
  options: {
    /** Values of `-c`. */
    readonly configs: readonly string[];
    readonly host: Host;
    readonly known: () => readonly KnownCommand[];
  },
): ReadonlyMap<string, Effective> {
  const settings = readSettings(options.configs, options.host);
  // Reading the flags of all commands takes a while: only where there is something to check.
  if (settings.length > 0) assertKnown(settings, options.known());
  const effective = new Map<string, Effective>();
  for (const { section, flag, value, from } of inOrder(settings))
    if (Object.hasOwn(flags, flag) && section.every((word, at) => words[at] === word))
      effective.set(flag, { value: asGiven(value, flags[flag]), from });
  for (const [flag, option] of Object.entries(flags)) {
    const found = fromEnvironment(flag, option, options.host);
    if (found !== undefined) effective.set(flag, found);
  }
  return effective;
}

/** Throws `usage` with every fault. */
export function assertKnown(settings: readonly Setting[], known: readonly KnownCommand[]): void {
  const [first, ...others] = settingFaults(settings, known);
  if (first !== undefined)
    throw new AssayError('usage', first, others.length === 0 ? {} : { detail: others.join('\n') });
}

/** Within a file, what is for one command counts more than what is for all. Each `-c` counts more than what is before it. */
function inOrder(settings: readonly Setting[]): readonly Setting[] {
  const sourceOf = ({ from }: Setting) => from.replace(/:\d+$/, '');
  const sources = [...new Set(settings.map(sourceOf))];
  return [...settings].sort(
    (a, b) =>
      sources.indexOf(sourceOf(a)) - sources.indexOf(sourceOf(b)) || a.section.length - b.section.length,
  );
}

/** As the command line would have it: a text stays one where YAML reads a number, and a list may be of one. */
function asGiven(value: unknown, { type, array }: Options = {}): unknown {
  const text = (one: unknown) => (type === 'string' ? String(one) : one);
  if (Array.isArray(value)) return value.map(text);
  return array === true ? [text(value)] : text(value);
}

function fromEnvironment(flag: string, option: Options, { env }: Host): Effective | undefined {
  const name = variableOf(flag);
  const text = name === undefined ? '' : (env[name] ?? '');
  // Who told Python's tools to stay offline means us, too.
  if (flag === 'offline' && text === '' && isHubOffline(env)) return { value: true, from: 'HF_HUB_OFFLINE' };
  if (text === '') return undefined;
  const value = parsed(text, option);
  const fault = valueFault(value, option);
  if (fault !== undefined) throw usage(`${name}=${text}: ${fault.replace(/, got .*/s, '')}`);
  return { value, from: String(name) };
}

function parsed(text: string, { type, array }: Options): unknown {
  if (type === 'boolean') {
    if (/^(1|true|yes|on)$/i.test(text)) return true;
    return /^(0|false|no|off)$/i.test(text) ? false : text;
  }
  if (type === 'number') return text.trim() === '' ? text : Number(text);
  return array === true ? text.split(',') : text;
}
