import { AssayError, type Instance } from '../../src/index.js';

/** Reads one `install_config`; values of another type than asked for count as absent. */
export interface Config {
  /** A text as it is; a list is run as one command after the other. */
  readonly text: (key: string) => string | undefined;
  readonly list: (key: string) => readonly string[];
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
  return { list, text: (key) => (list(key).length === 0 ? undefined : list(key).join(' && ')) };
}

/** The value that must be there; throws `unsupported_row` naming the key. */
export function required<T>(value: T | undefined, { instanceId }: Instance, key: string): T {
  if (value === undefined)
    throw new AssayError('unsupported_row', `${instanceId}: no ${key} in install_config`);
  return value;
}
