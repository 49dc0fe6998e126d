import { type Static, Type } from 'typebox';
import { ImageRecipe } from './eval-spec.js';
import { ProfileName } from './grading.js';
import { EvalType, Instance } from './instance.js';
import { Phase, Verdict } from './verdict.js';

/** What makes two runs the same run: a resumed command must match it. */
export const RunSettings = Type.Object({
  dataset: Type.String(),
  /** Hub revision, or `local`. */
  datasetRevision: Type.String(),
  datasetSha256: Type.String(),
  /** The flags that define the run, as given: `assay retry` repeats them. */
  options: Type.Record(Type.String(), Type.Unknown()),
  predictions: Type.String(),
  predictionsSha256: Type.String(),
  model: Type.String(),
  profile: ProfileName,
  graderVersion: Type.String(),
  /** `imported`: made of what others published. */
  engine: Type.String(),
  /** Attempts per prediction. */
  epochs: Type.Integer({ minimum: 1 }),
  /** 0: not known, of an imported run. */
  timeoutSeconds: Type.Number(),
});
export type RunSettings = Static<typeof RunSettings>;

/** `run.json`: written once when a run starts. */
export const RunManifest = Type.Object({
  schemaVersion: Type.Literal(1),
  runId: Type.String(),
  assayVersion: Type.String(),
  createdAt: Type.String(),
  settings: RunSettings,
  /** Engine, isolation, cores, memory, Node, platform: for the report, not compared on resume. */
  machine: Type.Record(Type.String(), Type.Unknown()),
});
export type RunManifest = Static<typeof RunManifest>;

/** What reports need of an instance, kept in the run folder so that a report needs no dataset. */
export const RunInstance = Type.Object({
  ...Type.Pick(Instance, [
    'instanceId',
    'repo',
    'difficulty',
    'createdAt',
    'failToPass',
    'passToPass',
    'rowHash',
  ]).properties,
  logParser: Type.String(),
  evalType: EvalType,
  /** For readers of a report: the gold patch, and the recipe of its image; absent where they are not known. */
  goldPatch: Type.Optional(Type.String()),
  recipe: Type.Optional(ImageRecipe),
  /** Attempts planned for it, 0 without a prediction: tells what is missing from what was never submitted. Absent: as many as verdicts. */
  attempts: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type RunInstance = Static<typeof RunInstance>;

/** One line of `events.jsonl`; the terminal, the ledger, `--json` and reports all consume these. */
export const RunEvent = Type.Union([
  Type.Object({
    type: Type.Literal('run_start'),
    at: Type.String(),
    runId: Type.String(),
    total: Type.Integer(),
    done: Type.Integer(),
    /** Outcomes of those that were done before, on a resumed run. */
    counts: Type.Record(Type.String(), Type.Integer()),
    workers: Type.Integer(),
    folder: Type.String(),
    pid: Type.Integer(),
  }),
  Type.Object({
    type: Type.Literal('attempt_start'),
    at: Type.String(),
    instanceId: Type.String(),
    attempt: Type.Integer(),
    try: Type.Integer(),
  }),
  Type.Object({
    type: Type.Literal('phase'),
    at: Type.String(),
    instanceId: Type.String(),
    attempt: Type.Integer(),
    phase: Phase,
  }),
  Type.Object({
    type: Type.Literal('retry'),
    at: Type.String(),
    instanceId: Type.String(),
    attempt: Type.Integer(),
    try: Type.Integer(),
    reason: Type.String(),
    detail: Type.Optional(Type.String()),
  }),
  Type.Object({ type: Type.Literal('verdict'), at: Type.String(), verdict: Verdict }),
  Type.Object({
    type: Type.Literal('run_end'),
    at: Type.String(),
    runId: Type.String(),
    status: Type.Union([Type.Literal('done'), Type.Literal('interrupted'), Type.Literal('failed')]),
    counts: Type.Record(Type.String(), Type.Integer()),
  }),
]);
export type RunEvent = Static<typeof RunEvent>;

/** Everything a report is made from: read back from a run folder, merged from shards, or regraded. */
export interface RunResults {
  readonly manifest: RunManifest;
  /** The chosen instances, in run order; those without a prediction are included. */
  readonly instances: readonly RunInstance[];
  /** The last verdict of each attempt. */
  readonly verdicts: readonly Verdict[];
}

/** One file of a report; `path` is relative to the run folder. */
export interface ReportFile {
  readonly path: string;
  readonly content: string;
}
