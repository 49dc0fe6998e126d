import type { Group, Outcome, RunSummary } from '../../src/index.js';
import {
  classWords,
  count,
  goldValid,
  importedFrom,
  interval,
  oneLine,
  percent,
  pythonDiffers,
  score,
  whyIncomplete,
  whyNotValid,
  worthShowing,
} from '../format.js';

const OUTCOMES: readonly Outcome[] = ['resolved', 'unresolved', 'invalid', 'infra_error'];
const BAR_WIDTH = 16;
const NAME_WIDTH = 34;

/** The result of a run for a terminal: plain text, aligned, no colours, at most about 80 columns; ends in a newline. */
export function renderTable(summary: RunSummary): string {
  const blocks = [
    [oneLine(`${summary.model} on ${summary.dataset}, profile ${summary.profile}`)],
    headline(summary),
    outcomeLines(summary),
    ...(worthShowing(summary.byRepository) ? [groupLines('repository', summary.byRepository)] : []),
    ...(worthShowing(summary.byDifficulty) ? [groupLines('difficulty', summary.byDifficulty)] : []),
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function headline(summary: RunSummary): string[] {
  const { passAt1, passAt1WithoutInfra: graded, runs, passAtK } = summary;
  const of = (rate: typeof passAt1) => `${score(rate)} of ${count(rate.instances, 'instance')}`;
  const best = passAtK.at(-1);
  return [
    `Pass@1  ${percent(passAt1.rate)} %  (${of(passAt1)}; 95 % interval ${interval(passAt1)})`,
    ...(runs === null
      ? []
      : [
          `        ${percent(runs.mean)} ± ${percent(runs.sem)} %, mean and SEM of ${runs.rates.length} runs`,
        ]),
    ...(best === undefined || best.k === 1 ? [] : [`Pass@${best.k}  ${percent(best.value)} %`]),
    ...importedFrom(summary),
    ...strictLines(summary),
    ...whyIncomplete(summary).map((reason) => `INCOMPLETE: ${reason}`),
    ...fixes(summary),
    ...(summary.incomplete ? [`        without them: ${percent(graded.rate)} %  (${of(graded)})`] : []),
    ...(summary.withoutPrediction.length > 0
      ? [
          `${count(summary.withoutPrediction.length, 'instance')} without a prediction, counted as not resolved`,
        ]
      : []),
    ...validationLines(summary),
    ...pythonDiffers(summary),
  ];
}

/** More instances of one kind than this are left to `report.md`. */
const SHOWN = 10;

/** The strict rate, and the attempts that only the official verdict takes. */
function strictLines({ strict }: RunSummary): string[] {
  if (strict === null) return [];
  const { passAt1, differing } = strict;
  const rest = differing.length - SHOWN;
  return [
    `strict  ${percent(passAt1.rate)} %  (${score(passAt1)} of ${count(passAt1.instances, 'instance')})`,
    ...differing
      .slice(0, SHOWN)
      .map(
        ({ instanceId, reason, detail = '' }) => `        ${oneLine(`${instanceId}: ${reason}: ${detail}`)}`,
      ),
    ...(rest > 0 ? [`        ... and ${rest} more, in report.md`] : []),
  ];
}

function validationLines(summary: RunSummary): string[] {
  const { validation } = summary;
  if (validation === null) return [goldValid(summary)];
  const { passAt1: rate, notValid } = validation;
  const rest = notValid.length - SHOWN;
  return [
    goldValid(summary),
    `        over those: ${percent(rate.rate)} %  (${score(rate)} of ${count(rate.instances, 'instance')})`,
    ...notValid
      .slice(0, SHOWN)
      .map((entry) => `        ${entry.instanceId}: ${classWords(entry)}: ${whyNotValid(entry)}`),
    ...(rest > 0 ? [`        ... and ${rest} more, in report.md`] : []),
  ];
}

/** One line per kind of infrastructure error, with the way out. */
function fixes({ infraFailures }: RunSummary): string[] {
  const byReason = new Map(infraFailures.map(({ reason, fix }) => [oneLine(reason), fix]));
  return [...byReason].map(([reason, fix]) => `        ${reason}: ${fix}`);
}

function outcomeLines({ outcomes, attempts, reasons }: RunSummary): string[] {
  const rows = OUTCOMES.map((outcome) => {
    const number = outcomes[outcome];
    const filled = attempts.judged === 0 ? 0 : Math.round((BAR_WIDTH * number) / attempts.judged);
    const why = reasons
      .filter((entry) => entry.outcome === outcome && outcome !== 'resolved')
      .map((entry) => `${oneLine(entry.reason)} ${entry.attempts}`)
      .join(', ');
    return [outcome, String(number), '#'.repeat(filled).padEnd(BAR_WIDTH), why];
  });
  return align([['outcome', 'attempts', '', ''], ...rows], 'lrll');
}

function groupLines(title: string, groups: readonly Group[]): string[] {
  const rows = groups.map((group) => [
    shorten(oneLine(group.name)),
    score(group),
    String(group.instances),
    `${percent(group.rate)} %`,
    interval(group),
  ]);
  return align([[title, 'resolved', 'of', 'rate', '95 % interval'], ...rows], 'lrrrr');
}

function shorten(name: string): string {
  return name.length <= NAME_WIDTH ? name : `${name.slice(0, NAME_WIDTH - 1)}…`;
}

/** Columns padded to their widest cell; `sides` has `l` or `r` for each. */
export function align(rows: readonly (readonly string[])[], sides: string): string[] {
  const widths = [...sides].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        sides[column] === 'r' ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
