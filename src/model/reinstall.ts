import { type Static, Type } from 'typebox';
import { Outcome } from './verdict.js';

/** What a verdict of a proof comes to. */
const Found = Type.Object({
  outcome: Outcome,
  reason: Type.String(),
  exitCode: Type.Union([Type.Integer(), Type.Null()]),
  /** How many tests the four lists name, and sha256 of the lists. */
  tests: Type.Integer(),
  testsSha256: Type.String(),
});
export type Found = Static<typeof Found>;

/** What was seen of the step of an eval script that installs the tree once more, for one instance in one image. */
export const ReinstallProof = Type.Object({
  schemaVersion: Type.Literal(1),
  /** sha256 over image, script, profile, grader version, engine, rule and our version: another of any of these is another proof. */
  key: Type.String(),
  instanceId: Type.String(),
  imageDigest: Type.String(),
  scriptSha256: Type.String(),
  /** The step as the script has it. */
  command: Type.String(),
  /** Files of the tree that the step opened, by the kernel's word. */
  opened: Type.Array(Type.String()),
  /** The same patch with the step and without. */
  runs: Type.Array(Type.Object({ patch: Type.String(), always: Found, skipped: Found })),
  /** Why the step may never be left out; absent: for patches that the rule allows it may. */
  fault: Type.Optional(Type.String()),
  date: Type.String(),
});
export type ReinstallProof = Static<typeof ReinstallProof>;
