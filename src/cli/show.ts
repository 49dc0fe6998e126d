import { resolve } from 'node:path';
import { renderTable } from '../../reports/index.js';
import type { Verdict } from '../model/verdict.js';
import { readLog, readPatch, readRun } from '../run/folder.js';
import { nearest } from '../util/words.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { summaryOf } from './results.js';

interface ShowArgs {
  readonly run: string;
  readonly id?: string;
  readonly attempt: number;
  readonly patch: boolean;
  readonly log: boolean;
  readonly tests: boolean;
  readonly json: boolean;
}

/** `assay show`: a run's table, or all about one attempt of an instance. */
export async function showCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ShowArgs;
  const folder = resolve(host.cwd, args.run);
  const results = await readRun(folder);
  if (args.id === undefined) {
    const summary = await summaryOf(results, host);
    host.out(args.json ? JSON.stringify(summary) : renderTable(summary));
    if (!args.json) for (const verdict of results.verdicts) host.out(headline(verdict));
    return EXIT.done;
  }
  const verdict = results.verdicts.find(
    ({ instanceId, attempt }) => instanceId === args.id && attempt === args.attempt,
  );
  if (verdict === undefined) {
    const near = nearest(
      args.id,
      results.verdicts.map(({ instanceId }) => instanceId),
    );
    throw usage(
      `${args.run} has no verdict of ${args.id}, attempt ${args.attempt}${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''}`,
    );
  }
  if (args.patch) host.outFile(await readPatch(folder, args.id, args.attempt));
  else if (args.log)
    host.outFile((await readLog(folder, args.id, args.attempt)) ?? 'no log: the tests were not reached');
  else if (args.json) host.out(JSON.stringify(verdict));
  else host.out(describe(verdict, args.tests));
  return EXIT.done;
}

function headline(verdict: Verdict): string {
  return `${verdict.outcome.padEnd(11)} ${verdict.instanceId} #${verdict.attempt}  ${verdict.reason}`;
}

function describe(verdict: Verdict, allTests: boolean): string {
  const seconds = Object.entries(verdict.seconds).map(([phase, value]) => `${phase} ${value.toFixed(2)} s`);
  const rows: [string, string | undefined][] = [
    ['phase', verdict.phase],
    ['detail', verdict.detail],
    ['profile', `${verdict.profile} (${verdict.graderVersion})`],
    ['applied with', verdict.appliedWith],
    ['image', verdict.image === undefined ? undefined : `${verdict.image} ${verdict.imageDigest}`],
    ['engine', `${verdict.engine}, ${verdict.isolation}`],
    ['granted', Object.keys(verdict.granted).length > 0 ? JSON.stringify(verdict.granted) : undefined],
    ['time', seconds.join(', ')],
    ['notes', verdict.notes.length > 0 ? verdict.notes.join('; ') : undefined],
    ['key', verdict.key],
  ];
  const lines = [headline(verdict)];
  for (const [name, value] of rows)
    if (value !== undefined && value !== '')
      lines.push(`  ${name.padEnd(13)}${value.trimEnd().replaceAll('\n', `\n${' '.repeat(15)}`)}`);
  for (const [name, lists] of Object.entries(verdict.tests ?? {})) {
    lines.push(`  ${name}: ${lists.success.length} passed, ${lists.failure.length} failed`);
    for (const test of lists.failure) lines.push(`    FAILED ${test}`);
    if (allTests) for (const test of lists.success) lines.push(`    passed ${test}`);
  }
  return lines.join('\n');
}
