import type { GradeTarget, Grading, LogParser, StatusMap } from '../model/grading.js';
import { type Markers, readMarkers } from './markers.js';
import type { GradingRules } from './rules.js';
import { resolutionOf, tally } from './tally.js';

type Read = { readonly statuses: StatusMap } | { readonly notFound: string };

/** Turns the rules of a profile into its `grade`; that throws `unknown_log_parser` and nothing else. */
export function gradeWith(rules: GradingRules): (log: string, target: GradeTarget) => Grading {
  return (log, target) => {
    const parse = rules.findParser(target.logParser);
    const text = universalNewlines(log);
    const read = readStatuses(text, parse, target.instanceId, rules);
    if ('notFound' in read)
      return {
        found: false,
        notFoundReason: read.notFound,
        resolved: false,
        resolution: 'NO',
        ...infraSigns(text, rules),
      };
    const tests = tally(read.statuses, target, rules);
    const resolution = resolutionOf(tests);
    if (resolution === 'FULL') return { found: true, resolved: true, resolution, tests };
    return { found: true, resolved: false, resolution, tests, ...infraSigns(text, rules) };
  };
}

function infraSigns(text: string, rules: GradingRules): Pick<Grading, 'infra'> {
  const found = rules.infra.find((signature) => signature.isIn(text));
  return found === undefined ? {} : { infra: { reason: found.reason, tier: found.tier } };
}

function readStatuses(text: string, parse: LogParser, instanceId: string, rules: GradingRules): Read {
  const whole = () => named(parse(text, instanceId), rules);
  let statuses: StatusMap | undefined;
  let markers: Markers = {};
  if (rules.markers === undefined) statuses = whole();
  else {
    markers = readMarkers(text, rules.markers);
    if (markers.bad !== undefined) return { notFound: markers.bad };
    if (markers.section === undefined) return { notFound: 'markers_missing' };
    statuses = named(parse(text.slice(...markers.section), instanceId), rules);
    if (statuses?.size === 0 && rules.markers.wholeLogFallback) statuses = whole();
  }
  if (statuses === undefined) return { notFound: 'log_rejected' };
  if (statuses.size === 0 && rules.suiteRan !== undefined && !rules.suiteRan.test(text)) {
    return { notFound: 'no_results' };
  }
  if (contradicts(markers.exitCode, statuses)) return { notFound: 'exit_code_contradicts' };
  return { statuses };
}

/** A non-zero exit code beside results without one failure: the log doesn't describe the run. */
function contradicts(exitCode: string | undefined, statuses: StatusMap): boolean {
  if (exitCode === undefined || /^-?0+$/.test(exitCode) || statuses.size === 0) return false;
  for (const status of statuses.values()) if (status === 'FAILED' || status === 'ERROR') return false;
  return true;
}

function named(statuses: StatusMap | undefined, rules: GradingRules): StatusMap | undefined {
  const { normalizeName } = rules;
  if (statuses === undefined || normalizeName === undefined) return statuses;
  return new Map([...statuses].map(([name, status]) => [normalizeName(name), status]));
}

/** The reference reads logs in Python's text mode, where `\r\n` and `\r` become `\n`. */
function universalNewlines(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}
