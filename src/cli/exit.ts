import { AssayError, type ErrorCode, toAssayError } from '../errors.js';

/** Exit codes of every command; `assay --help` prints them. An unresolved instance is data and changes none. */
export const EXIT = {
  done: 0,
  fault: 1,
  usage: 2,
  environment: 3,
  /** Or attempts without a verdict, after a merge. */
  infraLeft: 4,
  belowThreshold: 5,
  interrupted: 130,
} as const;

const ENVIRONMENT: ReadonlySet<ErrorCode> = new Set([
  'engine_unavailable',
  'engine_failed',
  'hub_unavailable',
  'dataset_offline',
  'image_missing',
  'disk_full',
  'open_files_limit',
  'too_many_failures',
]);

/** The exit code that an error stands for. */
export function exitCodeOf(error: AssayError): number {
  if (error.code === 'interrupted') return EXIT.interrupted;
  if (ENVIRONMENT.has(error.code)) return EXIT.environment;
  return error.class === 'input' ? EXIT.usage : EXIT.fault;
}

/** What a person sees of an error: what happened, the evidence, and what to do next. A stack trace only for defects of ours. */
export function describeError(thrown: unknown): string {
  const error = toAssayError(thrown);
  const lines = [`assay: ${error.message} [${error.code}]`];
  if (error.detail !== undefined) lines.push(error.detail.trimEnd());
  lines.push(`  -> ${error.fix}`);
  return lines.join('\n');
}

export function usage(message: string): AssayError {
  return new AssayError('usage', message);
}

/** What yargs found wrong with a command line, as an error of ours; what a command has thrown stays as it is. */
export function parseFault(message: string | null, error: Error | undefined): Error {
  if (error !== undefined && error.name !== 'YError') return error;
  return usage((error?.message ?? message ?? '').replace(/\s*\n\s*/g, ' '));
}
