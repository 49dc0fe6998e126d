import { type Static, Type } from 'typebox';
import type { EvalType } from './instance.js';

/** `OTHER`: the log gives the test a word that isn't a status, e.g. `ERRORS`: it counts as neither success nor failure. */
export type TestStatus = 'PASSED' | 'FAILED' | 'SKIPPED' | 'ERROR' | 'XFAIL' | 'OTHER';
/** Test id -> status; the last line of the log that names a test wins. */
export type StatusMap = ReadonlyMap<string, TestStatus>;
/** Pure: text of a test log (line ends `\n`) -> statuses; undefined where the official parser stops with an error. */
export type LogParser = (log: string, instanceId: string) => StatusMap | undefined;

const TestLists = Type.Object({ success: Type.Array(Type.String()), failure: Type.Array(Type.String()) });
/** The expected tests of a row, by whether the log shows that they passed. */
export const TestsStatus = Type.Object({ FAIL_TO_PASS: TestLists, PASS_TO_PASS: TestLists });
export type TestsStatus = Static<typeof TestsStatus>;

/** The sets of grading rules; docs/grading.md says what each is. */
export const ProfileName = Type.Union([
  Type.Literal('v5'),
  Type.Literal('v4.1'),
  Type.Literal('rebench-v1'),
  Type.Literal('rebench-v2'),
]);
export type ProfileName = Static<typeof ProfileName>;

/** What grading needs to know of an instance. `EvalSpec` satisfies it. */
export interface GradeTarget {
  readonly instanceId: string;
  readonly failToPass: readonly string[];
  readonly passToPass: readonly string[];
  readonly logParser: string;
  readonly evalType: EvalType;
}

/** The official outcome of one log under one profile. */
export interface Grading {
  /** The official `patch_successfully_applied`: the log holds a gradable test run. */
  readonly found: boolean;
  /** Why not, when not found: e.g. `apply_failed`, `markers_missing`, `no_results`, `exit_code_contradicts`. */
  readonly notFoundReason?: string;
  readonly resolved: boolean;
  readonly resolution: 'FULL' | 'PARTIAL' | 'NO';
  /** Absent when not found. */
  readonly tests?: TestsStatus;
  /** The reference's advisory class of infrastructure failure, never changing `resolved`. */
  readonly infra?: { readonly reason: string; readonly tier: 'environment' | 'ambiguous' };
}

/** A versioned set of rules: how a patch is applied, what the script becomes, how its log is graded. */
export interface GradingProfile {
  readonly name: ProfileName;
  /** Changes whenever a rule of ours changes; part of a verdict's key. */
  readonly graderVersion: string;
  /** Commands tried in order, each on a pristine tree; `{patch}` is the patch file. */
  readonly applyCommands: readonly string[];
  /** Run when all failed; exit 0 counts as applied (v5: `git apply --check --reverse`). */
  readonly alreadyAppliedCheck?: string;
  /** Adds what the profile needs to the official script (v5: the exit code echo). */
  readonly prepareScript: (evalScript: string) => string;
  readonly grade: (log: string, target: GradeTarget) => Grading;
}
