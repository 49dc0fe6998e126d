import { type Static, Type } from 'typebox';
import { ProfileName } from './grading.js';

/** What repeated runs of the gold patch and of the untouched tree say of an instance. `infra`: the machine failed, nothing is known. */
export const ValidationClass = Type.Union([
  Type.Literal('valid'),
  Type.Literal('flaky'),
  Type.Literal('gold_fails'),
  Type.Literal('empty_resolves'),
  Type.Literal('infra'),
]);
export type ValidationClass = Static<typeof ValidationClass>;

/** One instance in one image, judged under one profile. It says nothing of another row, image, profile or grader version. */
export const ValidationEntry = Type.Object({
  instanceId: Type.String(),
  rowHash: Type.String(),
  /** Absent where no image was reached. */
  imageDigest: Type.Optional(Type.String()),
  profile: ProfileName,
  graderVersion: Type.String(),
  class: ValidationClass,
  /** Why it is not valid, for people. */
  reason: Type.Optional(Type.String()),
  /** Those that differ between epochs, that fail with the gold patch, or nothing. */
  tests: Type.Array(Type.String()),
  /** Evaluations of the gold patch, and as many of the untouched tree. */
  epochs: Type.Integer({ minimum: 1 }),
  /** How many of them resolved the instance. */
  resolved: Type.Object({ gold: Type.Integer(), empty: Type.Integer() }),
  /** When the last of them ended. */
  date: Type.String(),
  /** As in the run's manifest. */
  machine: Type.Record(Type.String(), Type.Unknown()),
});
export type ValidationEntry = Static<typeof ValidationEntry>;

/** `validation.json` of a run folder, and what the cache keeps of a dataset file. */
export const Validation = Type.Object({
  schemaVersion: Type.Literal(1),
  dataset: Type.String(),
  datasetRevision: Type.String(),
  datasetSha256: Type.String(),
  date: Type.String(),
  entries: Type.Array(ValidationEntry),
});
export type Validation = Static<typeof Validation>;
