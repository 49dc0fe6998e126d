import {
  byInstance,
  type Group,
  type Outcome,
  type Rate,
  type ReportFile,
  type RunResults,
  type RunSummary,
  type Verdict,
} from '../../src/index.js';
import {
  classWords,
  count,
  denominators,
  goldValid,
  importedFrom,
  interval,
  percent,
  pythonDiffers,
  score,
  whyIncomplete,
  whyNotValid,
  worthShowing,
} from '../format.js';
import { code, table, text } from './markdown.js';

const OUTCOMES: readonly Outcome[] = ['resolved', 'unresolved', 'invalid', 'infra_error'];

/** `report.md`: the report that a person publishes, headed "incomplete" while its numbers may still change. */
export function markdownReport(results: RunResults, summary: RunSummary): readonly ReportFile[] {
  const sections = [
    `# ${summary.incomplete ? 'INCOMPLETE: ' : ''}${text(summary.model)} on ${text(summary.dataset)}`,
    ...incomplete(summary),
    passAt1(summary),
    conditions(results),
    outcomes(summary),
    ...groupTable('By repository', 'repository', summary.byRepository),
    ...groupTable('By difficulty', 'difficulty', summary.byDifficulty),
    ...passAtK(summary),
    ...strict(summary),
    ...infraFailures(summary),
    ...unsound(results, summary),
    instances(results),
  ];
  return [{ path: 'report.md', content: `${sections.join('\n\n')}\n` }];
}

function incomplete(summary: RunSummary): string[] {
  if (!summary.incomplete) return [];
  const reasons = whyIncomplete(summary).map((reason) => `> - ${reason}`);
  return [['> **These numbers are not final.**', ...reasons].join('\n')];
}

function passAt1(summary: RunSummary): string {
  const { passAt1: all, runs, withoutPrediction } = summary;
  const row = ({ name, rate }: { readonly name: string; readonly rate: Rate }) => [
    name,
    score(rate),
    String(rate.instances),
    `${percent(rate.rate)} %`,
    interval(rate),
    percent(rate.binomialError),
    percent(rate.instanceError),
    percent(rate.clusteredError),
  ];
  const repeats =
    runs === null
      ? []
      : [
          `**${percent(runs.mean)} ± ${percent(runs.sem)} %** is the mean and standard error over ${runs.rates.length} runs (${runs.rates.map(percent).join(', ')}).`,
        ];
  return [
    `**Pass@1 ${percent(all.rate)} %**, 95 % interval ${interval(all)}, ${score(all)} of ${count(all.instances, 'instance')}.`,
    ...repeats,
    table(
      [
        'denominator',
        'resolved',
        'of',
        'rate',
        '95 % interval',
        's.e. binomial',
        's.e. instances',
        's.e. by repository',
      ],
      denominators(summary).map(row),
      [1, 2, 3, 4, 5, 6, 7],
    ),
    "The interval is Wilson's; standard errors are in percentage points, the last one clustered by repository.",
    ...(withoutPrediction.length === 0
      ? []
      : [`${count(withoutPrediction.length, 'instance')} without a prediction, counted as not resolved.`]),
    ...[...importedFrom(summary), goldValid(summary), ...pythonDiffers(summary)].map((line) =>
      text(sentence(line)),
    ),
  ].join('\n\n');
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function conditions({ manifest, verdicts }: RunResults): string {
  const { settings } = manifest;
  const distinct = (of: (verdict: Verdict) => string | undefined) => [
    ...new Set(verdicts.map(of).filter((value) => value !== undefined)),
  ];
  const networked = verdicts.filter(({ granted }) => granted.network === true).length;
  const rows = [
    ['dataset', `${text(settings.dataset)}, revision ${code(settings.datasetRevision)}`],
    ['dataset sha256', code(settings.datasetSha256)],
    ['options', code(JSON.stringify(settings.options))],
    ['predictions', `${text(settings.predictions)}, sha256 ${code(settings.predictionsSha256)}`],
    ['grading profile', `${settings.profile}, grader ${list(distinct((verdict) => verdict.graderVersion))}`],
    ['attempts per prediction', String(settings.epochs)],
    ['test time limit', settings.timeoutSeconds === 0 ? 'not known' : `${settings.timeoutSeconds} s`],
    [
      'engine',
      `${text(settings.engine)}; isolation ${list(distinct((verdict) => verdict.isolation))}; network granted to ${count(networked, 'attempt')}`,
    ],
    [
      'images',
      `${distinct((verdict) => verdict.imageDigest).length} distinct digests, one per attempt in \`report.csv\``,
    ],
    ['run', `${code(manifest.runId)}, ${text(manifest.createdAt)}, assay ${text(manifest.assayVersion)}`],
  ];
  return `## Conditions\n\n${table(['what', 'value'], rows)}`;
}

function list(values: readonly string[]): string {
  return values.length === 0 ? '-' : values.map(text).join(', ');
}

function outcomes({ outcomes: counts, reasons }: RunSummary): string {
  const rows = OUTCOMES.map((outcome) => [
    code(outcome),
    String(counts[outcome]),
    reasons
      .filter((entry) => entry.outcome === outcome)
      .map((entry) => `${code(entry.reason)} ${entry.attempts}`)
      .join(', '),
  ]);
  return `## Outcomes\n\n${table(['outcome', 'attempts', 'reasons'], rows, [1])}`;
}

function groupTable(title: string, what: string, groups: readonly Group[]): string[] {
  if (!worthShowing(groups)) return [];
  const rows = groups.map((group) => [
    text(group.name),
    score(group),
    String(group.instances),
    `${percent(group.rate)} %`,
    interval(group),
  ]);
  return [`## ${title}\n\n${table([what, 'resolved', 'of', 'rate', '95 % interval'], rows, [1, 2, 3, 4])}`];
}

/** Where the strict verdict says no to what the official one took. */
function strict(summary: RunSummary): string[] {
  if (summary.strict === null) return [];
  const { differing } = summary.strict;
  if (differing.length === 0)
    return ['## Strict verdict\n\nNo attempt is resolved by the official verdict alone.'];
  const rows = differing.map(({ instanceId, attempt, reason, detail = '' }) => [
    text(instanceId),
    String(attempt),
    code(reason),
    text(detail),
  ]);
  return [
    `## Strict verdict\n\n${count(differing.length, 'attempt')} resolved by the official verdict and not by the strict one:\n\n${table(['instance', 'attempt', 'reason', 'what was found'], rows, [1])}`,
  ];
}

function passAtK({ passAtK: values }: RunSummary): string[] {
  if (values.length < 2) return [];
  const rows = values.map(({ k, value }) => [String(k), `${percent(value)} %`]);
  return [`## Pass@k\n\n${table(['k', 'pass@k'], rows, [0, 1])}`];
}

function infraFailures({ infraFailures: failures }: RunSummary): string[] {
  if (failures.length === 0) return [];
  const rows = failures.map(({ instanceId, attempt, reason, phase, detail, fix }) => [
    code(instanceId),
    String(attempt),
    code(reason),
    phase ?? '',
    text(firstLine(detail ?? '')),
    fix,
  ]);
  const head = ['instance', 'attempt', 'reason', 'phase', 'what happened', 'what to do'];
  return [`## Infrastructure errors\n\n${table(head, rows, [1])}`];
}

/** What the official rate counts and the rate over gold-valid instances leaves out, each by name. */
function unsound(results: RunResults, { validation }: RunSummary): string[] {
  if (validation === null) return [];
  const outcomes = new Map(
    byInstance(results).map(({ instance, verdicts }) => [
      instance.instanceId,
      verdicts.map(({ outcome }) => outcome).join(', '),
    ]),
  );
  const rows = [
    ...validation.notValid.map((entry) => [entry.instanceId, classWords(entry), whyNotValid(entry)]),
    ...validation.notValidated.map((instanceId) => [instanceId, 'not validated', '']),
  ].map(([id = '', found = '', why = '']) => [code(id), found, text(why), outcomes.get(id) ?? '']);
  if (rows.length === 0) return [];
  return [
    `## Instances that are not gold-valid here\n\n${table(['instance', 'validation', 'why', 'in this run'], rows)}`,
  ];
}

function instances(results: RunResults): string {
  const rows = byInstance(results).flatMap(({ instance, planned, verdicts }) => {
    const id = code(instance.instanceId);
    if (verdicts.length === 0) return [[id, '', planned === 0 ? 'no prediction' : 'missing', '', '', '', '']];
    return verdicts.map((verdict) => [
      id,
      String(verdict.attempt),
      verdict.outcome,
      code(verdict.reason),
      passed(verdict.tests?.FAIL_TO_PASS),
      passed(verdict.tests?.PASS_TO_PASS),
      verdict.seconds.test?.toFixed(1) ?? '',
    ]);
  });
  const head = ['instance', 'attempt', 'outcome', 'reason', 'FAIL_TO_PASS', 'PASS_TO_PASS', 'test s'];
  return `## Instances\n\n${table(head, rows, [1, 4, 5, 6])}`;
}

function passed(tests: { success: string[]; failure: string[] } | undefined): string {
  return tests === undefined ? '' : `${tests.success.length}/${tests.success.length + tests.failure.length}`;
}

function firstLine(detail: string): string {
  const line = detail.split('\n', 1)[0] ?? '';
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`;
}
