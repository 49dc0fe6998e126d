import type { Verdict } from '../model/verdict.js';

/** Instances whose image has another Python than its recipe asks for. */
export interface OtherPython {
  /** `3.6`. */
  readonly requested: string;
  /** `3.9.18`. */
  readonly has: string;
  readonly instanceIds: readonly string[];
}

/** Where `major.minor` differs, by the two versions. */
export function otherPythons(verdicts: readonly Verdict[]): readonly OtherPython[] {
  const found = new Map<string, { requested: string; has: string; ids: Set<string> }>();
  for (const { instanceId, imagePython } of verdicts) {
    if (imagePython === undefined) continue;
    const { requested, has } = imagePython;
    if (minor(requested) === minor(has)) continue;
    const key = `${requested} ${has}`;
    const entry = found.get(key) ?? { requested, has, ids: new Set() };
    entry.ids.add(instanceId);
    found.set(key, entry);
  }
  return [...found.values()].map(({ requested, has, ids }) => ({ requested, has, instanceIds: [...ids] }));
}

function minor(version: string): string {
  return version.split('.', 2).join('.');
}
