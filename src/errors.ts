import type { Phase } from './model/verdict.js';

/** Whose fault: the model's patch, the machine or network, the caller's input, or a defect of ours. */
export type FaultClass = 'model' | 'infra' | 'input' | 'ours';

interface ErrorRow {
  readonly class: FaultClass;
  readonly retryable: boolean;
  /** What to do next, in one sentence. */
  readonly fix: string;
}

/** Every error that a user can meet. `docs/errors.md` is checked against this table. */
export const ERRORS = {
  // input
  usage: {
    class: 'input',
    retryable: false,
    fix: 'See `assay <command> --help` for the options and examples.',
  },
  bad_dataset: {
    class: 'input',
    retryable: false,
    fix: 'Correct the named row and field, or point at another file.',
  },
  unknown_dataset: {
    class: 'input',
    retryable: false,
    fix: 'Use a known alias, a Hugging Face id `owner/name`, or the path of a .parquet, .jsonl or .json file.',
  },
  dataset_offline: {
    class: 'input',
    retryable: false,
    fix: 'Run once with the network on to fill the cache, or point at a local file.',
  },
  hub_unavailable: {
    class: 'infra',
    retryable: true,
    fix: 'Check the network, HF_ENDPOINT and HF_TOKEN, then run the same command again; or give a local .parquet or .jsonl file.',
  },
  bad_predictions: {
    class: 'input',
    retryable: false,
    fix: 'Each prediction needs instance_id, model_name_or_path and model_patch.',
  },
  unknown_log_parser: {
    class: 'input',
    retryable: false,
    fix: 'Use one of the listed parser names, or add one in benchmarks/parsers.',
  },
  unsupported_row: {
    class: 'input',
    retryable: false,
    fix: 'Choose the profile and dataset that belong together.',
  },
  run_changed: {
    class: 'input',
    retryable: false,
    fix: 'Use another --run-id, or repeat the first settings.',
  },
  runs_differ: {
    class: 'input',
    retryable: false,
    fix: 'Compare what answers the same question: --intersect takes the instances that all runs have with the same row; `assay regrade` brings a run under another profile.',
  },
  run_not_found: {
    class: 'input',
    retryable: false,
    fix: 'Give the path of a run folder (it holds run.json).',
  },
  run_damaged: {
    class: 'input',
    retryable: false,
    fix: 'Restore the named file from a copy, or remove it (of an attempt, the whole folder) to have it made again.',
  },
  run_locked: { class: 'input', retryable: false, fix: 'Wait for the other process, or end it.' },
  unknown_instance: {
    class: 'input',
    retryable: false,
    fix: 'Ask for an instance of the datasets that the service was started with.',
  },
  bad_task: {
    class: 'input',
    retryable: false,
    fix: 'Give folders that `assay harbor export` wrote, with their solution and unchanged.',
  },
  bad_trajectory: {
    class: 'input',
    retryable: false,
    fix: 'Give whole files of a format that docs/trajectories.md names.',
  },
  // service
  bad_request: { class: 'input', retryable: false, fix: 'See /openapi.json for what is expected.' },
  unknown_job: {
    class: 'input',
    retryable: false,
    fix: 'Send the request again: it attaches to its job or begins it.',
  },
  unauthorized: {
    class: 'input',
    retryable: false,
    fix: 'Send `Authorization: Bearer TOKEN` with a token of the service.',
  },
  rate_limited: { class: 'input', retryable: true, fix: 'Ask again after the time that Retry-After says.' },
  client_busy: {
    class: 'input',
    retryable: true,
    fix: 'Wait for some answers, or start the service with a larger --client-concurrency.',
  },
  queue_full: {
    class: 'infra',
    retryable: true,
    fix: 'Ask again later, or start the service with a larger --max-queue.',
  },
  draining: { class: 'infra', retryable: true, fix: 'Ask again when the service is back.' },
  late: { class: 'infra', retryable: true, fix: 'Ask again: the grading goes on, and its verdict is kept.' },
  // queue
  queue_unavailable: {
    class: 'infra',
    retryable: true,
    fix: 'Check that PostgreSQL runs and that --queue names it, then run the same command again: what was found is kept.',
  },
  poisoned: {
    class: 'infra',
    retryable: false,
    fix: "Look into the workers' logs and memory: this patch seems to end them. Ask again to have it tried anew.",
  },
  no_worker: {
    class: 'infra',
    retryable: true,
    fix: 'Start `assay worker` of the same release with the same dataset and kind of engine, then ask again.',
  },
  // policy
  policy_refused: {
    class: 'input',
    retryable: false,
    fix: "Check the base URL, the model's name and the key: the same request would be refused again.",
  },
  conversation_refused: {
    class: 'infra',
    retryable: false,
    fix: 'See what the server says of that conversation: it refuses what was said in it, and has answered it before.',
  },
  policy_unavailable: {
    class: 'infra',
    retryable: true,
    fix: "Look into the model server's log, or ask it for less at once; then run the same command again: it goes on where it stopped.",
  },
  sampling_unconfirmed: {
    class: 'input',
    retryable: false,
    fix: 'Have the server confirm plain sampling at temperature 1: plugins/agent/policy/README.md says how for vLLM and SGLang.',
  },
  token_drift: {
    class: 'infra',
    retryable: false,
    fix: 'Turn off what changes prompts in the server or before it (truncation, added tokens, a template of its own).',
  },
  // trainer
  trainer_missing: {
    class: 'input',
    retryable: false,
    fix: 'Run `npm run trainer:setup`, or name a Python that has the packages of plugins/trainer/python/requirements.txt.',
  },
  trainer_refused: {
    class: 'input',
    retryable: false,
    fix: 'Correct what the message names in the batch, the model or the settings: the same request would be refused again.',
  },
  trainer_failed: {
    class: 'infra',
    retryable: true,
    fix: "Read the trainer's log, then run the same command again: it goes on from the last checkpoint.",
  },
  trainer_out_of_memory: {
    class: 'infra',
    retryable: false,
    fix: 'Compute fewer tokens at once, recompute activations, or take more devices; then run the same command again.',
  },
  trainer_non_finite: {
    class: 'input',
    retryable: false,
    fix: 'Lower the learning rate or the largest gradient norm, and go on from a checkpoint before it.',
  },
  stale_weights: {
    class: 'infra',
    retryable: false,
    fix: 'See that the server of the policy loads the weights that it is told to, then run the same command again.',
  },
  checkpoint_broken: {
    class: 'input',
    retryable: false,
    fix: 'Restore the named file from a copy, or go on from an earlier checkpoint.',
  },
  // environment
  engine_unavailable: {
    class: 'infra',
    retryable: true,
    fix: 'Start Docker (or set DOCKER_HOST), or use --engine local for benchmarks that allow it; `assay doctor` says what is wrong.',
  },
  engine_failed: {
    class: 'infra',
    retryable: true,
    fix: "See the engine's log; `assay retry RUN --only infra` runs the instance again.",
  },
  image_missing: {
    class: 'infra',
    retryable: false,
    fix: 'Get it with `assay images pull` or `assay images build`, or check the image name.',
  },
  image_pull_failed: {
    class: 'infra',
    retryable: true,
    fix: 'Check the registry and your login, or build the image here (`assay images build`); then `assay retry RUN --only infra`.',
  },
  image_pull_limited: {
    class: 'infra',
    retryable: true,
    fix: 'The registry limits pulls: log in or wait, then `assay retry RUN --only infra`.',
  },
  image_push_failed: {
    class: 'infra',
    retryable: true,
    fix: 'Check that your login may write to the registry, then run the same command again.',
  },
  image_changed: {
    class: 'infra',
    retryable: false,
    fix: 'Take the new image with --update-digests, or pull the old one by its digest.',
  },
  bad_export: {
    class: 'input',
    retryable: false,
    fix: 'Copy the named file again, or export again with --overwrite.',
  },
  bad_lock: {
    class: 'input',
    retryable: false,
    fix: 'Restore the named file from a copy, or have it written anew with --update-locks.',
  },
  image_build_failed: {
    class: 'infra',
    retryable: false,
    fix: 'Read the build log named above; CERTIFICATE_VERIFY_FAILED in it asks for --ca-file.',
  },
  disk_full: {
    class: 'infra',
    retryable: false,
    fix: 'Free disk space, then run the same command again; `assay retry RUN` for verdicts of a run that has ended.',
  },
  file_unusable: {
    class: 'input',
    retryable: false,
    fix: 'Check that the path is right and that you may write there.',
  },
  open_files_limit: {
    class: 'infra',
    retryable: false,
    fix: 'Raise the bound: `ulimit -n 4096` in this shell; for good LimitNOFILE= of the service, or /etc/security/limits.conf.',
  },
  out_of_memory: {
    class: 'infra',
    retryable: true,
    fix: 'Lower -j or raise --memory, then `assay retry RUN --only infra`.',
  },
  phase_timeout: {
    class: 'infra',
    retryable: true,
    fix: 'Raise the deadline of that phase, then `assay retry RUN --only infra`.',
  },
  unisolated: {
    class: 'input',
    retryable: false,
    fix: 'Use --engine docker, or accept the risk with --allow-unisolated.',
  },
  too_many_failures: {
    class: 'infra',
    retryable: true,
    fix: 'Mend the machine (`assay doctor` says what is wrong), then run the same command again: it goes on where it stopped.',
  },
  interrupted: { class: 'infra', retryable: true, fix: 'Run the same command again to go on.' },
  internal: { class: 'ours', retryable: false, fix: 'Please report this with the run folder.' },
} as const satisfies Record<string, ErrorRow>;

/** A row of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

interface AssayErrorOptions {
  readonly phase?: Phase;
  /** Longer evidence: the last lines of a log, a list of candidates. */
  readonly detail?: string;
  readonly cause?: unknown;
}

/** The one error class of the product: a code of the table, where it happened, and what to do next. */
export class AssayError extends Error {
  override readonly name = 'AssayError';
  readonly class: FaultClass;
  readonly retryable: boolean;
  readonly fix: string;
  readonly phase: Phase | undefined;
  readonly detail: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: AssayErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const row = ERRORS[code];
    this.class = row.class;
    this.retryable = row.retryable;
    this.fix = row.fix;
    this.phase = options.phase;
    this.detail = options.detail;
  }
}

/** Codes of file system errors that say something of the machine or the path, not of us. */
const FILE_ERRORS: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk_full',
  EDQUOT: 'disk_full',
  EMFILE: 'open_files_limit',
  ENFILE: 'open_files_limit',
  EACCES: 'file_unusable',
  EPERM: 'file_unusable',
  EROFS: 'file_unusable',
  ENOTDIR: 'file_unusable',
  EISDIR: 'file_unusable',
  ENAMETOOLONG: 'file_unusable',
};

/** Any thrown value as an AssayError: ours stay, file system errors get their code, everything else is `internal`. */
export function toAssayError(error: unknown, phase?: Phase): AssayError {
  if (error instanceof AssayError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null | undefined)?.code;
  const known = typeof code === 'string' && Object.hasOwn(FILE_ERRORS, code) ? FILE_ERRORS[code] : undefined;
  const stack = known === undefined && error instanceof Error ? error.stack : undefined;
  return new AssayError(known ?? 'internal', message, {
    ...(phase === undefined ? {} : { phase }),
    ...(stack === undefined ? {} : { detail: stack }),
    cause: error,
  });
}
