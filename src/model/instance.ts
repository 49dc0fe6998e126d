import { type Static, Type } from 'typebox';

/** How a row was told apart by its fields; each format has its own schema in `datasets/`. */
export const RowFormat = Type.Union([
  Type.Literal('swe-bench-2026'),
  Type.Literal('swe-bench-2025'),
  Type.Literal('swe-rebench-v1'),
  Type.Literal('swe-rebench-v2'),
]);
export type RowFormat = Static<typeof RowFormat>;

/** `pass_and_fail`: an expected test must be seen passing; `fail_only`: it must not be seen failing. */
export const EvalType = Type.Union([Type.Literal('pass_and_fail'), Type.Literal('fail_only')]);
export type EvalType = Static<typeof EvalType>;

/** What an instance truly needs beyond the default sandbox; recorded in the verdict when granted. */
export const Needs = Type.Object({
  network: Type.Optional(Type.Boolean()),
  capAdd: Type.Optional(Type.Array(Type.String())),
  memoryBytes: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type Needs = Static<typeof Needs>;

/** One task of a benchmark, the same for every row format. */
export const Instance = Type.Object({
  schemaVersion: Type.Literal(1),
  instanceId: Type.String({ minLength: 1 }),
  /** `owner/name` as in the row. */
  repo: Type.String({ minLength: 1 }),
  baseCommit: Type.String({ minLength: 1 }),
  environmentSetupCommit: Type.Optional(Type.String()),
  version: Type.Optional(Type.String()),
  /** ISO 8601 in UTC. */
  createdAt: Type.Optional(Type.String()),
  difficulty: Type.Optional(Type.String()),
  split: Type.Optional(Type.String()),
  language: Type.String(),
  problemStatement: Type.String(),
  hintsText: Type.Optional(Type.String()),
  /** The gold patch. Never enters an image. */
  patch: Type.String(),
  testPatch: Type.String(),
  failToPass: Type.Array(Type.String()),
  passToPass: Type.Array(Type.String()),
  rowFormat: RowFormat,
  /** sha256 of the row's canonical JSON. */
  rowHash: Type.String(),
  /** Published image named by the row, if any. */
  image: Type.Optional(Type.String()),
  evalScript: Type.Optional(Type.String()),
  logParser: Type.Optional(Type.String()),
  evalType: Type.Optional(EvalType),
  /** SWE-rebench only: the row's `install_config`, as checked by its schema. */
  installConfig: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /** SWE-rebench V1: pinned `pip freeze` and `environment.yml` of the reference environment. */
  requirements: Type.Optional(Type.String()),
  environment: Type.Optional(Type.String()),
  needs: Type.Optional(Needs),
});
export type Instance = Static<typeof Instance>;
