/**
 * Public API: what plugins, reports, datasets and benchmarks may import. Importing it does nothing.
 *
 * @module API
 */
export { activationOf } from './container/activation.js';
export { withDeadline } from './container/deadline.js';
export { grantedLimits } from './container/limits.js';
export type { DatasetFormat } from './dataset/format.js';
export type { DatasetAliases } from './dataset/load.js';
export type { Recipe, Rule } from './dataset/recipe.js';
export { Selection } from './dataset/select.js';
export * from './engine/engine.js';
export * from './errors.js';
export { gradeWith } from './grade/grade.js';
export type { GradingRules, ListRule, MarkerRules } from './grade/rules.js';
export * from './model/eval-spec.js';
export * from './model/grading.js';
export * from './model/instance.js';
export * from './model/prediction.js';
export * from './model/run.js';
export * from './model/score.js';
export * from './model/trajectory.js';
export * from './model/validation.js';
export * from './model/verdict.js';
export { turnPenalty } from './reward/rewards.js';
export type { ComparedPair, ComparedRun, Comparison } from './stats/compare.js';
export * from './stats/gold-validity.js';
export * from './stats/instances.js';
export { mean, standardError } from './stats/mean.js';
export { passAtK } from './stats/pass-at-k.js';
export type { Interval } from './stats/proportion.js';
export * from './stats/summary.js';
export { type Clock, pause, within } from './util/clock.js';
export { hasCode, writeAtomic } from './util/files.js';
export { canonicalJson, sha256, sha256Base64 } from './util/hash.js';
export { isObject } from './util/json-file.js';
export { packageRoot } from './util/package.js';
export { createLimit } from './util/pool.js';
export { seededRandom, shuffled } from './util/random.js';
export { schemaFault } from './util/schema.js';
export { cut, harmless, listed, messageOf, nearest, shown } from './util/words.js';
