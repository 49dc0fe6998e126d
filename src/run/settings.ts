import type { RunManifest } from '../model/run.js';
import { canonicalJson } from '../util/hash.js';

type Settings = RunManifest['settings'];

/** Lines for people on each setting that differs, with both values; empty where none does. */
export function settingsChanges(before: Settings, now: Settings): readonly string[] {
  const [old, current] = [flat(before), flat(now)];
  return [...new Set([...Object.keys(old), ...Object.keys(current)])]
    .sort()
    .filter((name) => canonicalJson(old[name] ?? null) !== canonicalJson(current[name] ?? null))
    .map((name) => `  ${name}\n    was ${shown(old[name])}\n    now ${shown(current[name])}`);
}

/** Each flag by itself, so that one that differs isn't hidden among the others. */
function flat({ options, ...settings }: Settings): Record<string, unknown> {
  const flags = Object.entries(options).map(([name, value]) => [`options.${name}`, value] as const);
  return { ...settings, ...Object.fromEntries(flags) };
}

function shown(value: unknown): string {
  return value === undefined ? 'not given' : JSON.stringify(value);
}
