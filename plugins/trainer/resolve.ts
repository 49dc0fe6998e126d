import type { Static, TObject, TSchema } from 'typebox';
import { AssayError, isObject, nearest, schemaFault } from '../../src/index.js';

/** A value of a setting, and where it is from: a section of a paper, or `ours: ` and the reason. */
export interface Sourced {
  readonly value: unknown;
  readonly source: string;
}

/** Values by the path of their setting, e.g. `algorithm.clipLow`. */
export type Layer = Readonly<Record<string, Sourced>>;

/** What contradicts itself, and what one should know. */
export interface Findings {
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** All that a kind of training is set by. */
export interface SettingsKind<T extends TObject> {
  readonly schema: T;
  readonly defaults: Layer;
  readonly presets: Readonly<Record<string, Layer>>;
  readonly check: (settings: Static<T>) => Findings;
}

export interface Resolved<T> {
  readonly settings: T;
  /** Of every value, in the order of the schema. */
  readonly sources: Layer;
  readonly warnings: readonly string[];
}

/**
 * Full settings from a parsed configuration: its own values, then those of its `preset`, then the defaults; null takes a value away. Throws `usage` with all that is wrong:
 * unknown settings (with the nearest known one), values that don't fit, contradictions.
 */
export function resolveSettings<T extends TObject>(
  config: unknown,
  { schema, defaults, presets, check }: SettingsKind<T>,
): Resolved<Static<T>> {
  if (!isObject(config)) throw wrong(['it is no object']);
  const { preset, ...own } = config;
  const known = Object.keys(presets);
  if (preset !== undefined && (typeof preset !== 'string' || !known.includes(preset)))
    throw wrong([`preset: ${JSON.stringify(preset)} is none of ${known.join(', ')}`]);
  const flat = leavesOf(own, schema, '');
  if (flat.faults.length > 0) throw wrong(flat.faults);
  const merged = new Map<string, Sourced>();
  const fromConfig = flat.leaves.map(
    ([path, value]) => [path, { value, source: 'the configuration' }] as const,
  );
  for (const [path, sourced] of [
    ...Object.entries(defaults),
    ...Object.entries(preset === undefined ? {} : (presets[preset] ?? {})),
    ...fromConfig,
  ])
    if (sourced.value === null) merged.delete(path);
    else merged.set(path, sourced);
  const settings = nested(schema, '', merged);
  const fault = schemaFault(settings, schema);
  if (fault !== undefined) throw wrong([fault]);
  const { faults, warnings } = check(settings as Static<T>);
  if (faults.length > 0) throw wrong(faults);
  const sources = Object.fromEntries(
    pathsOf(schema, '').flatMap((path) => {
      const sourced = merged.get(path);
      return sourced === undefined ? [] : [[path, sourced] as const];
    }),
  );
  return { settings: settings as Static<T>, sources, warnings };
}

const wrong = (faults: readonly string[]) =>
  new AssayError('usage', `the training configuration is wrong: ${faults.join('; ')}`);

const propertiesOf = (schema: TSchema): Readonly<Record<string, TSchema>> | undefined =>
  (schema as { readonly properties?: Readonly<Record<string, TSchema>> }).properties;

/** Paths of all settings of a schema; an object without named fields (`model.config`) is one setting. */
export function pathsOf(schema: TSchema, prefix = ''): readonly string[] {
  return Object.entries(propertiesOf(schema) ?? {}).flatMap(([name, inner]) =>
    propertiesOf(inner) === undefined ? [`${prefix}${name}`] : pathsOf(inner, `${prefix}${name}.`),
  );
}

interface Leaves {
  readonly leaves: readonly (readonly [path: string, value: unknown])[];
  readonly faults: readonly string[];
}

function leavesOf(config: Readonly<Record<string, unknown>>, schema: TSchema, prefix: string): Leaves {
  const properties = propertiesOf(schema) ?? {};
  const leaves: (readonly [path: string, value: unknown])[] = [];
  const faults: string[] = [];
  for (const [name, value] of Object.entries(config)) {
    const inner = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const path = `${prefix}${name}`;
    if (inner === undefined) faults.push(unknownSetting(path, Object.keys(properties)));
    else if (propertiesOf(inner) === undefined) leaves.push([path, value]);
    else if (isObject(value)) {
      const deeper = leavesOf(value, inner, `${path}.`);
      leaves.push(...deeper.leaves);
      faults.push(...deeper.faults);
    } else faults.push(`${path} is a section, got ${JSON.stringify(value)}`);
  }
  return { leaves, faults };
}

function unknownSetting(path: string, siblings: readonly string[]): string {
  const name = path.slice(path.lastIndexOf('.') + 1);
  const lower = new Map(siblings.map((sibling) => [sibling.toLowerCase(), sibling]));
  // Other people's files say learning_rate.
  const plain = name.replaceAll(/[_-]/g, '').toLowerCase();
  const near = nearest(plain, lower.keys(), 1).map((found) => lower.get(found))[0];
  return `${path} is unknown${near === undefined ? ` (known: ${siblings.join(', ')})` : ` (did you mean ${near}?)`}`;
}

function nested(
  schema: TSchema,
  prefix: string,
  values: ReadonlyMap<string, Sourced>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(propertiesOf(schema) ?? {}).flatMap(([name, inner]) => {
      const path = `${prefix}${name}`;
      if (propertiesOf(inner) !== undefined) return [[name, nested(inner, `${path}.`, values)]];
      const sourced = values.get(path);
      return sourced === undefined ? [] : [[name, sourced.value]];
    }),
  );
}
