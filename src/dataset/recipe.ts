import type { Instance } from '../model/instance.js';
import type { ValidationEntry } from '../model/validation.js';
import type { Row } from './row.js';

/** A row and what is known of it. */
export interface Candidate {
  readonly instance: Instance;
  readonly row: Row;
  /** What a validation found of this very row, if anything. */
  readonly validation?: ValidationEntry;
}

/** `not_known`: the rule can't tell, and the row stays. */
type Ruling = 'keep' | 'not_known' | { readonly drop: string /* why, for people */ };

/** One reason to leave rows out. */
export interface Rule {
  readonly name: string;
  /** Which rows it drops, for people. */
  readonly drops: string;
  /** It judges by a validation: without one it isn't applied at all. */
  readonly needsValidation?: boolean;
  /** Pure: whether a row stays, goes (with the reason), or can't be told of. */
  judge(candidate: Candidate): Ruling;
}

/** A named filter of rows. Other rules are another version. Made in `datasets/*`. */
export interface Recipe {
  readonly name: string;
  readonly version: number;
  readonly rules: readonly Rule[];
  /** What it leaves to its user. */
  readonly note: string;
}

/** What a rule did, in rows. */
export interface RuleCount {
  readonly rule: string;
  readonly isApplied: boolean;
  /** No earlier rule dropped them. */
  readonly dropped: number;
  /** As many would be dropped by this rule alone. */
  readonly alone: number;
  readonly notKnown: number;
}

/** A row that was dropped, the first rule that did it, and why. */
export interface DroppedRow {
  readonly instanceId: string;
  readonly rule: string;
  readonly reason: string;
}

export interface Filtered {
  /** In the order of the candidates, as are those dropped. */
  readonly kept: readonly Instance[];
  readonly dropped: readonly DroppedRow[];
  /** One per rule, in the recipe's order. */
  readonly counts: readonly RuleCount[];
}

/** Judges each row by every rule of the recipe; `hasValidation`: candidates come with what a validation found. */
export function applyRecipe(options: {
  readonly recipe: Recipe;
  readonly candidates: Iterable<Candidate>;
  readonly hasValidation: boolean;
}): Filtered {
  const { recipe, candidates, hasValidation } = options;
  const tallies = recipe.rules.map((rule) => ({
    rule,
    isApplied: hasValidation || rule.needsValidation !== true,
    dropped: 0,
    alone: 0,
    notKnown: 0,
  }));
  const applied = tallies.filter(({ isApplied }) => isApplied);
  const kept: Instance[] = [];
  const dropped: DroppedRow[] = [];
  for (const candidate of candidates) {
    const { instance } = candidate;
    let first: DroppedRow | undefined;
    for (const tally of applied) {
      const ruling = tally.rule.judge(candidate);
      if (ruling === 'not_known') tally.notKnown++;
      if (typeof ruling === 'string') continue;
      tally.alone++;
      if (first !== undefined) continue;
      tally.dropped++;
      first = { instanceId: instance.instanceId, rule: tally.rule.name, reason: ruling.drop };
    }
    if (first === undefined) kept.push(instance);
    else dropped.push(first);
  }
  return { kept, dropped, counts: tallies.map((tally) => ({ ...tally, rule: tally.rule.name })) };
}
