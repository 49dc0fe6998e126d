import { type Contender, type CorpusEntry, type Official, readLog } from './corpus.js';

/** What grading a corpus under one profile showed. */
export interface Comparison {
  readonly profile: string;
  readonly logs: number;
  readonly equal: number;
  /** One line per log and field that differ from the official outcome. */
  readonly differences: readonly string[];
}

const FIELDS = ['FAIL_TO_PASS', 'PASS_TO_PASS'] as const;

/** Grades each log under a profile and compares verdict and per-test lists, order included, with the official ones. */
export function compare(dir: string, entries: readonly CorpusEntry[], contender: Contender): Comparison {
  const { profile, targets } = contender;
  const differences: string[] = [];
  let equal = 0;
  for (const entry of entries) {
    const found = differencesOf(dir, entry, contender);
    if (found.length === 0) equal++;
    for (const difference of found) differences.push(`${profile.name} ${entry.log}: ${difference}`);
  }
  return { profile: `${profile.name} (${targets.size} rows)`, logs: entries.length, equal, differences };
}

function differencesOf(dir: string, entry: CorpusEntry, { profile, targets }: Contender): readonly string[] {
  const target = targets.get(entry.instance_id);
  if (target === undefined) return [`no row for ${entry.instance_id}`];
  const official = entry.expected[profile.name];
  const grading = profile.grade(readLog(dir, entry), target);
  const found: string[] = [];
  if (grading.found !== official.applied)
    found.push(`applied: ours ${grading.found} (${grading.notFoundReason})`);
  if (grading.resolved !== official.resolved) found.push(`resolved: ours ${grading.resolved}`);
  for (const field of FIELDS) {
    for (const list of ['success', 'failure'] as const) {
      const ours = grading.tests?.[field][list] ?? [];
      const theirs = listOf(official, field, list);
      if (JSON.stringify(ours) === JSON.stringify(theirs)) continue;
      const onlyOurs = ours.filter((id) => !theirs.includes(id));
      const onlyTheirs = theirs.filter((id) => !ours.includes(id));
      found.push(`${field}.${list}: only ours ${show(onlyOurs)}, only official ${show(onlyTheirs)}`);
    }
  }
  return found;
}

function listOf(official: Official, field: (typeof FIELDS)[number], list: 'success' | 'failure') {
  return official[field]?.[list] ?? [];
}

function show(ids: readonly string[]): string {
  const more = ids.length > 3 ? ` and ${ids.length - 3} more` : '';
  return `${JSON.stringify(ids.slice(0, 3))}${more}`;
}
