import { AssayError, type Instance } from '../../src/index.js';

/** Reads one `install_config`; values of another type than asked for count as absent. */
export interface Config {
  /** A text as it is; a list is run as one command after the other. */
  readonly text: (key: string) => string | undefined;
  readonly list: (key: string) => readonly string[];
  /** A record of variables, or a list of `NAME=value`, as export commands. */
  readonly exports: (key: string) => readonly string[];
}

/** The row's `install_config`; throws `unsupported_row` without one. */
export function configOf({ instanceId, installConfig }: Instance): Config {
  if (installConfig === undefined)
    throw new AssayError('unsupported_row', `${instanceId}: a SWE-rebench row without install_config`);
  const list = (key: string): readonly string[] => {
    const value = installConfig[key];
    if (typeof value === 'string') return [value];
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  };
  const exports = (key: string) => {
    const value = installConfig[key];
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    const given = isRecord ? Object.entries(value).map(([name, each]) => `${name}=${each}`) : list(key);
    return given.flatMap((assignment) => {
      const [, name, text = ''] = /^([A-Za-z_]\w*)=(.*)$/s.exec(assignment) ?? [];
      return name === undefined ? [] : [`export ${name}='${text.replaceAll("'", "'\\''")}'`];
    });
  };
  return { list, exports, text: (key) => (list(key).length === 0 ? undefined : list(key).join(' && ')) };
}

/** Why a recipe can't be made of this `install_config`: it has keys beyond the known ones, whose sense we don't know; undefined else. */
export function unknownKeys({ installConfig = {} }: Instance, known: string): string | undefined {
  const unknown = Object.entries(installConfig).filter(
    ([key, value]) => value !== null && value !== undefined && !known.split(' ').includes(key),
  );
  if (unknown.length === 0) return undefined;
  return `install_config has keys that no recipe is made of: ${unknown.map(([key]) => key).join(', ')}`;
}

/** The value that must be there; throws `unsupported_row` naming the key. */
export function required<T>(value: T | undefined, { instanceId }: Instance, key: string): T {
  if (value === undefined)
    throw new AssayError('unsupported_row', `${instanceId}: no ${key} in install_config`);
  return value;
}
