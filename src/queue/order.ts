import type { AssayError, ErrorCode } from '../errors.js';
import type { Phase, Verdict } from '../model/verdict.js';
import type { Task } from '../run/task.js';
import { canonicalJson, sha256 } from '../util/hash.js';

/** A grading as it is put into the queue. */
export interface Order {
  /** Names the verdict that is asked for: the same order again attaches to the first. */
  readonly key: string;
  /** What a worker must be able to answer: see {@link questionOf}. */
  readonly question: string;
  /** Any of these images will do; a worker that has one goes first. */
  readonly images: readonly string[];
  readonly payload: Payload;
  /** Further tries after faults of machines. */
  readonly retries: number;
}

/** The instance is named, not sent: workers have the dataset. Only rows of clients travel. */
export interface Payload {
  readonly asked: Task['asked'];
  readonly rowHash: string;
  readonly prediction: NonNullable<Task['prediction']>;
  readonly testSeconds: number;
}

/** What came of an order: a verdict, or what kept the machines from one. */
export type Result = { readonly verdict: Verdict } | { readonly error: QueuedError };

export interface QueuedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly phase?: Phase;
  readonly detail?: string;
}

/** Files that a verdict rests on, gzip as they are in a run folder, by name. */
export type Evidence = ReadonlyMap<string, Uint8Array>;

export function queuedError({ code, message, phase, detail }: AssayError): QueuedError {
  return {
    ...{ code, message },
    ...(phase === undefined ? {} : { phase }),
    ...(detail === undefined ? {} : { detail }),
  };
}

interface QuestionParts {
  /** Undefined for a row that travels with the order. */
  readonly rowHash: string | undefined;
  readonly profile: string;
  readonly graderVersion: string;
  readonly engine: string;
}

/** Equal for a submitter and a worker that would judge by the same row, rules and kind of engine. */
export function questionOf({ rowHash, profile, graderVersion, engine }: QuestionParts): string {
  return sha256(canonicalJson({ rowHash, profile, graderVersion, engine }));
}

interface OrderOptions {
  readonly engine: string;
  readonly testSeconds: number;
  readonly retries: number;
  /** Tells this order from others for the same task; undefined where one verdict serves all. */
  readonly salt?: string;
}

/** The order of a task. */
export function orderOf(
  { key, asked, spec, profile, prediction }: Task & Pick<Payload, 'prediction'>,
  { engine, testSeconds, retries, salt }: OrderOptions,
): Order {
  const { rowHash } = spec;
  const isInline = asked.instance !== undefined;
  return {
    key: sha256(canonicalJson({ key, engine, testSeconds, salt })),
    question: questionOf({
      rowHash: isInline ? undefined : rowHash,
      profile: profile.name,
      graderVersion: profile.graderVersion,
      engine,
    }),
    images: spec.images,
    // The prediction has it.
    payload: { asked: { ...asked, patch: null }, rowHash, prediction, testSeconds },
    retries,
  };
}
