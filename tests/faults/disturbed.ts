import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verdict } from '../../src/model/verdict.js';
import { readRun } from '../../src/run/folder.js';
import { assay, type CliResult } from '../helpers/cli.js';

/** What a verdict says of the patch, whatever happened on the way. */
export function saying({ outcome, reason, tests, appliedWith, strict }: Verdict) {
  const { resolved, reason: why, restored, inverted } = strict ?? {};
  return {
    ...{ outcome, reason, tests, appliedWith },
    strict: strict && { resolved, reason: why, restored, inverted },
  };
}
type Saying = ReturnType<typeof saying>;

const idOf = ({ instanceId, attempt }: Verdict) => `${instanceId}/${attempt}`;

/** The sayings of a run by attempt; an attempt with two verdicts is an error. */
export async function sayings(folder: string): Promise<ReadonlyMap<string, Saying>> {
  const { verdicts } = await readRun(folder);
  const found = new Map(verdicts.map((verdict) => [idOf(verdict), saying(verdict)]));
  if (found.size !== verdicts.length) throw new Error(`two verdicts of one attempt in ${folder}`);
  return found;
}

/** How a run that was disturbed ended; `wrong` names what must not be. */
export interface Ending {
  readonly right: number;
  readonly infraErrors: number;
  readonly missing: number;
  readonly wrong: readonly string[];
}

/** Compares a run with an undisturbed one, and looks whether its exit code and reports say what is missing. */
export async function ending(
  folder: string,
  expected: ReadonlyMap<string, Saying>,
  code: number | null,
): Promise<Ending> {
  const found = await sayings(folder);
  const wrong: string[] = [];
  let right = 0;
  let infraErrors = 0;
  for (const [id, is] of found) {
    const should = expected.get(id);
    if (is.outcome === 'infra_error' && is.reason !== 'internal') infraErrors++;
    else if (JSON.stringify(is) === JSON.stringify(should)) right++;
    else wrong.push(`${id}: ${JSON.stringify(is)} instead of ${JSON.stringify(should)}`);
  }
  const missing = expected.size - found.size;
  if (code === 0 && infraErrors + missing > 0) wrong.push('exit code 0 although verdicts are missing');
  if (code === 4 && (infraErrors === 0 || missing > 0))
    wrong.push('exit code 4 without infra_error, or with verdicts missing');
  if (code === 0 || code === 4) {
    const { incomplete } = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as {
      incomplete: boolean;
    };
    const page = await readFile(join(folder, 'report.md'), 'utf8');
    if (incomplete !== infraErrors > 0) wrong.push(`report.json says incomplete: ${incomplete}`);
    if (page.startsWith('# INCOMPLETE') !== infraErrors > 0) wrong.push('report.md says something else');
  }
  return { right, infraErrors, missing, wrong };
}

interface CommandOptions {
  readonly cwd: string;
  readonly cache: string;
  readonly env: Readonly<Record<string, string>>;
}

interface DisturbedOptions {
  /** The environment of each start of the command. */
  readonly command: () => CommandOptions;
  readonly args: readonly string[];
  /** How long the command may run before it is killed; undefined: until it ends. */
  readonly killAfterMs: () => number | undefined;
  readonly onEnd: (result: CliResult) => void | Promise<void>;
}

/** A run that was begun again that often without coming to its end doesn't get on. */
const MAX_STARTS = 25;

/** Starts a command again until it has come to its end: each attempt has a verdict. Its exit code. */
export async function runToItsEnd({
  command,
  args,
  killAfterMs,
  onEnd,
}: DisturbedOptions): Promise<number | null> {
  for (let starts = 1; ; starts++) {
    let timer: NodeJS.Timeout | undefined;
    const result = await assay(args, {
      ...command(),
      onStart(child) {
        const ms = killAfterMs();
        if (ms !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), ms);
      },
    });
    clearTimeout(timer);
    await onEnd(result);
    if (result.code === 0 || result.code === 4 || starts === MAX_STARTS) return result.code;
  }
}
