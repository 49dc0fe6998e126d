import type {
  Comparison,
  Outcome,
  RunManifest,
  RunSummary,
  Trajectory,
  Turn,
  Verdict,
} from '../../src/index.js';

/** What the page shows; embedded in a report file as JSON, or served. */
export type Page = RunPage | TrainingPage | ComparePage;

/** Something that is loaded when it is looked at: in the file itself, beside it, or served. */
export interface BlobRef {
  /** sha256 of its gzip bytes in a report file; a path under `/api/` where it is served. */
  readonly key: string;
  /** Of the text, uncompressed; 0 where that isn't known before it is made. */
  readonly bytes: number;
}

/** A run of `assay eval` or `assay rollout --eval`. */
export interface RunPage {
  readonly kind: 'run';
  readonly schemaVersion: 1;
  readonly manifest: RunManifest;
  readonly summary: RunSummary;
  /** What differs between attempts, each value once with how many attempts have it. */
  readonly conditions: readonly Condition[];
  /** Distinct digests of the images that attempts ran in. */
  readonly images: number;
  /** A line per attempt, planned or judged, in run order; one for an instance without a prediction. */
  readonly rows: readonly AttemptRow[];
  /** ISO 8601. */
  readonly generatedAt: string;
  /** While the run goes on. */
  readonly live?: Live;
}

/** `engine`, `isolation`, `grader`, `Python`, ... */
export interface Condition {
  readonly name: string;
  readonly values: readonly { readonly value: string; readonly attempts: number }[];
}

export interface Live {
  readonly done: number;
  readonly planned: number;
  /** Attempts that are being judged, with when they began. */
  readonly running: readonly {
    readonly instanceId: string;
    readonly attempt: number;
    readonly since: string;
  }[];
}

export interface AttemptRow {
  readonly instanceId: string;
  readonly repo: string;
  readonly difficulty?: string;
  /** `2025-05` */
  readonly month?: string;
  /** From 1; 0 of an instance without a prediction. */
  readonly attempt: number;
  readonly outcome: Outcome | 'missing' | 'no_prediction';
  readonly reason?: string;
  readonly strict?: { readonly resolved: boolean; readonly reason: string };
  /** Passed and expected tests; absent where none were graded. */
  readonly failToPass?: readonly [number, number];
  readonly passToPass?: readonly [number, number];
  /** Of all phases. */
  readonly seconds?: number;
  readonly testSeconds?: number;
  /** Class of a validation on this machine. */
  readonly validation?: string;
  /** An {@link AttemptDetail} as JSON; absent without a verdict. */
  readonly detail?: BlobRef;
  readonly logs: readonly NamedLog[];
  readonly episode?: EpisodeRow;
}

/** `test`: of the official run; the others of the further runs of a strict verdict. */
export interface NamedLog extends BlobRef {
  readonly name: 'test' | 'restored' | 'inverted';
}

export interface EpisodeRow {
  readonly end: string;
  readonly turns: number;
  readonly tokens: number;
  /** US dollars. */
  readonly cost?: number;
  /** An {@link EpisodeDetail} as JSON. */
  readonly detail: BlobRef;
}

/** All of one attempt but its logs. */
export interface AttemptDetail {
  readonly verdict: Verdict;
  readonly patch: string;
  readonly goldPatch?: string;
  /** Of the image, as text: source, system packages, Python, pins, commands. */
  readonly recipe?: string;
  /** Shell commands that judge this attempt again. */
  readonly reproduce: readonly string[];
}

/** An episode without the token ids, which no one reads. */
export interface EpisodeDetail extends Omit<Trajectory, 'turns'> {
  readonly turns: readonly Omit<Turn, 'tokens'>[];
}

/** A training: what is watched of it, point by point. */
export interface TrainingPage {
  readonly kind: 'training';
  readonly schemaVersion: 1;
  readonly name: string;
  readonly method: 'dapo' | 'rft';
  /** What a point is. */
  readonly unit: 'iteration' | 'step';
  readonly points: readonly TrainingPoint[];
  /** Of the metric `rollout/pass_at_k`; absent where no problem was tried twice. */
  readonly k?: number;
  /** Of rejection fine-tuning: what each step of the selection left. */
  readonly selection: readonly { readonly words: string; readonly dropped: number; readonly left: number }[];
  /** As `algorithm.group` and JSON. */
  readonly settings: readonly { readonly name: string; readonly value: string }[];
  /** ISO 8601. */
  readonly generatedAt: string;
}

export interface TrainingPoint {
  /** From 1. */
  readonly at: number;
  /** By name, e.g. `rollout/pass_at_1`; those that there was nothing to compute from are missing. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly alarms: readonly { readonly name: string; readonly words: string }[];
  /** There is a checkpoint of it. */
  readonly saved: boolean;
}

/** Two or more runs over the same instances. */
export interface ComparePage {
  readonly kind: 'compare';
  readonly schemaVersion: 1;
  readonly comparison: Comparison;
  /** ISO 8601. */
  readonly generatedAt: string;
}

/** A line of the list of runs, as `assay runs list --json` prints it. */
export type ListedRun = { readonly name: string } & (
  | (ListedState & {
      readonly kind: 'run';
      readonly profile: string;
      readonly planned: number;
      readonly judged: number;
      readonly infraErrors: number;
      readonly interval: { readonly low: number; readonly high: number } | null;
    })
  | (ListedState & { readonly kind: 'training'; readonly method: string; readonly done: string })
  | { readonly kind: 'damaged'; readonly reason: string }
);

interface ListedState {
  readonly state: string;
  readonly dataset: string;
  readonly model: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly rate: number | null;
}
