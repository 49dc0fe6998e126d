import type { ReportFile, RunResults, RunSummary } from '../../src/index.js';
import { count, goldValid, interval, oneLine, percent, score, whyIncomplete } from '../format.js';
import { code, table, text } from '../md/markdown.js';

/** Lines of a list in the summary, and annotations: GitHub shows ten of each kind a step. */
const LINES = 200;
const ANNOTATIONS = 10;

/** `github.md`: what a job's page shows of a run: Pass@1, outcomes, and what failed for the machine's fault. */
export function githubReport(results: RunResults, summary: RunSummary): readonly ReportFile[] {
  const { passAt1, outcomes, byRepository } = summary;
  const rates = byRepository.map((group) => [
    text(group.name),
    score(group),
    String(group.instances),
    `${percent(group.rate)} %`,
    interval(group),
  ]);
  const sections = [
    `## ${summary.incomplete ? 'INCOMPLETE: ' : ''}${text(summary.model)} on ${text(summary.dataset)}`,
    `**Pass@1 ${percent(passAt1.rate)} %**, 95 % interval ${interval(passAt1)}, ${score(passAt1)} of ${count(passAt1.instances, 'instance')}; profile ${summary.profile}, run ${code(summary.runId)}.`,
    ...whyIncomplete(summary).map((reason) => `> ${reason}`),
    text(goldValid(summary)),
    table(
      Object.keys(outcomes),
      [Object.values(outcomes).map(String)],
      Object.keys(outcomes).map((_, column) => column),
    ),
    ...infraErrors(summary),
    folded(
      'By repository',
      table(['repository', 'resolved', 'of', 'rate', '95 % interval'], rates, [1, 2, 3, 4]),
    ),
    folded('Not resolved', notResolved(results)),
  ];
  return [{ path: 'github.md', content: `${sections.join('\n\n')}\n` }];
}

function infraErrors({ infraFailures }: RunSummary): string[] {
  if (infraFailures.length === 0) return [];
  const rows = infraFailures
    .slice(0, LINES)
    .map(({ instanceId, attempt, reason, fix }) => [code(instanceId), String(attempt), code(reason), fix]);
  const more = infraFailures.length > LINES ? [`and ${infraFailures.length - LINES} more`] : [];
  return [
    '### Infrastructure errors',
    table(['instance', 'attempt', 'reason', 'what to do'], rows, [1]),
    ...more,
  ];
}

function notResolved({ verdicts }: RunResults): string {
  const failed = verdicts.filter(({ outcome }) => outcome === 'unresolved' || outcome === 'invalid');
  const rows = failed
    .slice(0, LINES)
    .map(({ instanceId, attempt, outcome, reason }) => [
      code(instanceId),
      String(attempt),
      outcome,
      code(reason),
    ]);
  const more = failed.length > LINES ? `\n\nand ${failed.length - LINES} more` : '';
  return `${table(['instance', 'attempt', 'outcome', 'reason'], rows, [1])}${more}`;
}

function folded(title: string, markdown: string): string {
  return `<details><summary>${title}</summary>\n\n${markdown}\n\n</details>`;
}

/**
 * Workflow commands of GitHub Actions, a line each: an error for each of the first attempts that failed for the machine's fault, and
 * a notice that counts them. An unresolved instance is data, and annotates nothing.
 */
export function githubAnnotations({ infraFailures, runId }: RunSummary): readonly string[] {
  if (infraFailures.length === 0) return [];
  return [
    ...infraFailures
      .slice(0, ANNOTATIONS)
      .map(({ instanceId, attempt, reason, detail, fix }) =>
        command(
          'error',
          `${reason}: ${instanceId}`,
          `attempt ${attempt}${detail === undefined ? '' : `: ${detail}`} -> ${fix}`,
        ),
      ),
    command('notice', runId, `${count(infraFailures.length, 'attempt')} failed for the machine's fault`),
  ];
}

/** Escaped as the runner reads it: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts */
function command(name: 'error' | 'notice', title: string, message: string): string {
  const data = (value: string) => oneLine(value).replaceAll('%', '%25');
  const property = (value: string) => data(value).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return `::${name} title=${property(title)}::${data(message)}`;
}
