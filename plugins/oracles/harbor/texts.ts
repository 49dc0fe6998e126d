import { AssayError } from '../../../src/index.js';

/** A word for a shell, whatever is in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

type TomlValue = string | number | undefined;

/** A table of texts and numbers; `[[...]]` where it is one of a list. Members that are undefined are left out. */
export function tomlTable(header: string, members: Readonly<Record<string, TomlValue>>): string {
  const lines = Object.entries(members).map(([name, value]) =>
    value === undefined ? [] : [`${name} = ${typeof value === 'number' ? value : tomlText(value)}`],
  );
  return `${[header, ...lines.flat()].join('\n')}\n`;
}

/** A basic string. JSON escapes the same but for DEL, and halves of surrogate pairs, which TOML can't hold. */
function tomlText(text: string): string {
  return JSON.stringify(Buffer.from(text).toString()).replaceAll('\x7f', '\\u007f');
}

const IMAGE = /^[a-z0-9][\w.:/@-]{0,399}$/i;

/** The name of an image as a Dockerfile may hold it: rows are data, and a line of theirs must not become a command. */
export function imageName(name: string): string {
  if (!IMAGE.test(name))
    throw new AssayError('unsupported_row', `${JSON.stringify(name)} is no name of an image`);
  return name;
}
