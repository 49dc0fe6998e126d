import yargs, { type Options } from 'yargs';
import { nearest, shown } from '../util/words.js';
import type { KnownCommand } from './config-check.js';
import { readSettings } from './config-read.js';
import { assertKnown, settingsFor, variableOf } from './config-settings.js';
import { EXIT, parseFault, usage } from './exit.js';
import type { Host } from './host.js';
import { table } from './images-shared.js';

type RawArgs = Readonly<Record<string, unknown>>;
interface ConfigArgs {
  readonly words?: readonly string[];
  readonly config?: readonly string[];
  readonly json: boolean;
  readonly '--'?: readonly string[];
}

/** A flag or setting with its value and where that is from; `default` or `flag` where it is not from settings. */
interface Row {
  readonly name: string;
  readonly value: unknown;
  readonly from: string;
}

/** `assay config show`: the settings that there are, or all flags of a command. */
export async function showConfig(raw: RawArgs, host: Host, known: readonly KnownCommand[]): Promise<number> {
  const args = raw as unknown as ConfigArgs;
  const rows = (args.words ?? []).length === 0 ? settingRows(args, host, known) : flagRows(args, host, known);
  if (args.json) for (const row of rows) host.out(JSON.stringify(row));
  else if (rows.length === 0) host.err('no settings: there is no assay.yaml here, and no -c');
  else {
    const cells = rows.map(({ name, value, from }) => [name, value === undefined ? '-' : shown(value), from]);
    host.out(table(['flag', 'value', 'from'], cells));
  }
  return EXIT.done;
}

function settingRows({ config = [] }: ConfigArgs, host: Host, known: readonly KnownCommand[]): Row[] {
  const settings = readSettings(config, host);
  assertKnown(settings, known);
  return settings.map(({ section, flag, value, from }) => ({
    name: [...section, flag].join('.'),
    value: withoutPassword(value),
    from,
  }));
}

function flagRows(args: ConfigArgs, host: Host, known: readonly KnownCommand[]): Row[] {
  const { words = [], config = [], '--': rest = [] } = args;
  const name = words.join(' ');
  const command = known.find((one) => one.words.join(' ') === name);
  if (command === undefined) {
    const near = nearest(
      name,
      known.map((one) => one.words.join(' ')),
    );
    throw usage(`${name} is no command${near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''}`);
  }
  const given = givenFlags(rest, command);
  const effective = settingsFor(command, { configs: config, host, known: () => known });
  return Object.entries(command.flags).map(([flag, option]) => {
    const set = given[flag] === undefined ? effective.get(flag) : { value: given[flag], from: 'flag' };
    const { value, from } = set ?? { value: option.default as unknown, from: 'default' };
    return { name: flag, value: withoutPassword(value), from };
  });
}

/** What a command line gives, without what flags are otherwise. */
function givenFlags(argv: readonly string[], { flags }: KnownCommand): Readonly<Record<string, unknown>> {
  const bare = Object.fromEntries(
    Object.entries(flags).map(([flag, { default: _default, demandOption: _demanded, ...option }]) => [
      flag,
      option as Options,
    ]),
  );
  return yargs([...argv])
    .options(bare)
    .strictOptions()
    .exitProcess(false)
    .fail((message, error) => {
      throw parseFault(message, error);
    })
    .parseSync();
}

/** The address of a database may hold one. */
function withoutPassword(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/(:\/\/[^:@/\s]*):[^@/\s]+@/, '$1:***@') : value;
}

/** `assay config check`: throws `usage` with each fault; warns of variables that look like a flag's. */
export async function checkConfig(raw: RawArgs, host: Host, known: readonly KnownCommand[]): Promise<number> {
  const { config = [], json } = raw as unknown as ConfigArgs;
  const settings = readSettings(config, host);
  assertKnown(settings, known);
  const read = known.flatMap((command) => [
    ...settingsFor(command, { configs: config, host, known: () => known }).values(),
  ]);
  const variables = [...new Set(read.map(({ from }) => from).filter((from) => from in host.env))].sort();
  const all = new Set(known.flatMap(({ flags }) => Object.keys(flags).map((flag) => variableOf(flag) ?? '')));
  for (const name of Object.keys(host.env)) {
    const near = name.startsWith('ASSAY_') && !all.has(name) ? nearest(name, all) : [];
    if (near.length > 0) host.err(`warning: ${name} is no flag; did you mean ${near.join(' or ')}?`);
  }
  if (json) host.out(JSON.stringify({ settings: settings.length, variables }));
  else {
    const inEnv = variables.length > 0 ? `; of the environment: ${variables.join(', ')}` : '';
    host.out(`${settings.length} settings are right${inEnv}`);
  }
  return EXIT.done;
}
