/** Public API: what plugins, reports, datasets and benchmarks may import. Importing it does nothing. */
export type { DatasetFormat } from './dataset/format.js';
export type { DatasetAliases } from './dataset/load.js';
export * from './engine/engine.js';
export * from './errors.js';
export { gradeWith } from './grade/grade.js';
export type { GradingRules, ListRule, MarkerRules } from './grade/rules.js';
export * from './model/eval-spec.js';
export * from './model/grading.js';
export * from './model/instance.js';
export * from './model/prediction.js';
export * from './model/run.js';
export * from './model/validation.js';
export * from './model/verdict.js';
export * from './stats/gold-validity.js';
export * from './stats/instances.js';
export * from './stats/summary.js';
export { canonicalJson, sha256 } from './util/hash.js';
export { packageRoot } from './util/package.js';
