import { type Line, runChecks, type Status } from '../doctor/finding.js';
import { AssayError } from '../errors.js';
import { within } from '../util/clock.js';
import { cut } from '../util/words.js';
import { checksFor } from './doctor-checks.js';
import { localDataset } from './doctor-dataset.js';
import { EXIT } from './exit.js';
import type { DatasetFlags, EngineFlags } from './flags.js';
import type { Host } from './host.js';

type DoctorArgs = { readonly dataset: string; readonly json: boolean } & Pick<EngineFlags, 'engine'> &
  Pick<DatasetFlags, 'revision' | 'split' | 'offline'>;

/** For each check; the engine and servers are given up earlier, so that their own words are shown. */
const CHECK_MS = 9000;
/** Reading rows, of which some datasets have many. */
const ROWS_MS = 20_000;
/** What still hangs then, e.g. a file system or a name server, must not keep the process. */
const GRACE_MS = 500;

/** `assay doctor`: can this machine evaluate the dataset, and what is to be done where it can't? */
export async function doctorCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as DoctorArgs;
  const { dataset, engine, offline, json } = args;
  const found =
    (await within(localDataset(args, host), ROWS_MS, host.clock)) ??
    new AssayError('file_unusable', `the rows of ${dataset} are not read in ${ROWS_MS / 1000} s`);
  const engineName = engine ?? ('code' in found ? 'docker' : found.engine);
  const { checks, close } = await checksFor({ dataset, found, engineName, offline }, host);
  const width = Math.max(...checks.map(({ name }) => name.length));
  const counts: Record<Status, number> = { ok: 0, warn: 0, fail: 0, skip: 0 };
  for (const pending of runChecks(checks, { clock: host.clock, ms: CHECK_MS })) {
    const line = await pending;
    counts[line.status]++;
    host.out(json ? JSON.stringify(line) : render(line, width));
  }
  const code = counts.fail === 0 ? EXIT.done : EXIT.environment;
  setTimeout(() => process.exit(code), GRACE_MS).unref();
  if (!json) host.out(`\n${verdict(counts, dataset)}`);
  await close();
  return code;
}

function render({ status, check, found, fix }: Line, width: number): string {
  const indent = ' '.repeat(width + 8);
  const first = `${status.padEnd(4)}  ${check.padEnd(width)}  ${cut(found.replace(/\s+/g, ' '), 300)}`;
  return fix === undefined ? first : `${first}\n${indent}-> ${fix}`;
}

function verdict({ ok, warn, fail, skip }: Readonly<Record<Status, number>>, dataset: string): string {
  const counts = `${ok} ok, ${warn} warn, ${fail} fail, ${skip} not looked at.`;
  return fail === 0
    ? `${counts} This machine can run \`assay eval ${dataset}\`.`
    : `${counts} Mend what failed, from the top; then again: \`assay doctor ${dataset}\`.`;
}
