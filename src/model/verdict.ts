import { type Static, Type } from 'typebox';
import { ProfileName, TestsStatus } from './grading.js';
import { Needs } from './instance.js';

/** `invalid` is the model's fault (no usable patch), `infra_error` is ours and never a score. */
export const Outcome = Type.Union([
  Type.Literal('resolved'),
  Type.Literal('unresolved'),
  Type.Literal('invalid'),
  Type.Literal('infra_error'),
]);
export type Outcome = Static<typeof Outcome>;

/** The steps of an attempt, in order; failures and times are by phase. */
export const Phase = Type.Union([
  Type.Literal('prepare'),
  Type.Literal('pull'),
  Type.Literal('start'),
  Type.Literal('apply'),
  Type.Literal('test'),
  Type.Literal('collect'),
  Type.Literal('grade'),
  Type.Literal('strict'),
]);
export type Phase = Static<typeof Phase>;

/** The verdict that a patch can't decide by itself, beside the official one. */
export const StrictVerdict = Type.Object({
  resolved: Type.Boolean(),
  /** `tampered`, or the reason of the official outcome. */
  reason: Type.String(),
  /** What was found, for people. */
  detail: Type.Optional(Type.String()),
  /** Paths of the patch that decide how tests are found, run or judged. */
  guarded: Type.Array(Type.Object({ path: Type.String(), guard: Type.String() })),
  /** Why the patch might reach beyond its own computation; empty: it can't, and its tests weren't inverted. */
  reaches: Type.Array(Type.String()),
  /** The official grading of a run with the guarded paths as they were. */
  restored: Type.Optional(Type.Boolean()),
  /** Expected tests that were inverted, those of them that passed all the same, and two kinds of copies of FAIL_TO_PASS tests: unchanged and with one assertion inverted. */
  inverted: Type.Optional(
    Type.Object({
      tests: Type.Integer(),
      passed: Type.Array(Type.String()),
      twins: Type.Optional(Type.Integer()),
      twinsPassed: Type.Optional(Type.Integer()),
      mutants: Type.Optional(Type.Integer()),
      mutantsPassed: Type.Optional(Type.Integer()),
      /** Set where a limit ended their run. */
      ended: Type.Optional(Type.String()),
    }),
  ),
});
export type StrictVerdict = Static<typeof StrictVerdict>;

/** Final result of one attempt at one instance. Written last, by rename: its presence means done. */
export const Verdict = Type.Object({
  schemaVersion: Type.Literal(1),
  instanceId: Type.String(),
  attempt: Type.Integer({ minimum: 1 }),
  model: Type.String(),
  outcome: Outcome,
  /** Stable code from `src/errors.ts` or of the grading, e.g. `tests_failed`, `empty_patch`, `test_timeout`; `published`, `published_error`: as others say. */
  reason: Type.String(),
  /** Phase in which a failure happened. */
  phase: Type.Optional(Phase),
  /** The evidence for people: one short paragraph. */
  detail: Type.Optional(Type.String()),
  profile: ProfileName,
  /** `published`: not graded by us, but taken as published. */
  graderVersion: Type.String(),
  /** sha256 over patch, row, image digest, profile and grader version, and over `reinstall` where that is there. */
  key: Type.String(),
  /** `unknown` where an outcome was published without its patch. */
  patchSha256: Type.String(),
  rowHash: Type.String(),
  /** Absent where no image was reached. */
  image: Type.Optional(Type.String()),
  imageDigest: Type.Optional(Type.String()),
  /** Python of the image: what the recipe asked for (`3.9`) and what is in it (`3.9.18`); only of images that say both. */
  imagePython: Type.Optional(Type.Object({ requested: Type.String(), has: Type.String() })),
  /** The script's re-install was left out, as proven for this instance in this image; absent: the whole script ran. */
  reinstall: Type.Optional(Type.Literal('skipped')),
  /** The command of the profile's chain that applied the patch. */
  appliedWith: Type.Optional(Type.String()),
  notes: Type.Array(Type.String()),
  /** Exit code of the eval script, from the engine. */
  exitCode: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  tests: Type.Optional(TestsStatus),
  /** The official harness's own fields for this attempt. */
  official: Type.Object({
    patchIsNone: Type.Boolean(),
    patchExists: Type.Boolean(),
    patchSuccessfullyApplied: Type.Boolean(),
    resolved: Type.Boolean(),
    infraFailure: Type.Boolean(),
    infraFailureReason: Type.Optional(Type.String()),
  }),
  /** Absent where it was not asked for, and of attempts that have no score. */
  strict: Type.Optional(StrictVerdict),
  engine: Type.String(),
  isolation: Type.String(),
  /** What was granted beyond the default sandbox. */
  granted: Needs,
  /** Seconds per phase; a phase that wasn't reached is absent. */
  seconds: Type.Record(Type.String(), Type.Number()),
  /** Infrastructure failures that preceded this verdict. */
  tries: Type.Integer({ minimum: 1 }),
  finishedAt: Type.String(),
});
export type Verdict = Static<typeof Verdict>;
