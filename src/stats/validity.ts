import type { RunInstance } from '../model/run.js';
import type { ValidationEntry } from '../model/validation.js';
import type { Verdict } from '../model/verdict.js';

interface Repeats {
  readonly instance: Pick<RunInstance, 'instanceId' | 'rowHash'>;
  /** Verdicts of the gold patch, and of the untouched tree. */
  readonly gold: readonly Verdict[];
  readonly empty: readonly Verdict[];
  /** How many of each were asked for, 1 or more. */
  readonly epochs: number;
  readonly profile: Pick<ValidationEntry, 'profile' | 'graderVersion'>;
  readonly machine: ValidationEntry['machine'];
  /** Stands for the date where there is no verdict at all. */
  readonly now: string;
}

/**
 * What the verdicts say of an instance: `infra` as long as one is missing or the machine's fault, then `flaky` when verdicts or failing
 * tests differ between epochs, then `gold_fails`, `empty_resolves`, and `valid` when the gold patch resolves it each time and the
 * untouched tree never.
 */
export function validity(repeats: Repeats): ValidationEntry {
  const { instance, gold, empty, epochs, profile, machine, now } = repeats;
  const verdicts = [...gold, ...empty];
  const [imageDigest, ...otherDigests] = new Set(verdicts.flatMap(({ imageDigest: digest }) => digest ?? []));
  const resolved = { gold: resolvedOf(gold), empty: resolvedOf(empty) };
  const judged = (): Pick<ValidationEntry, 'class' | 'reason' | 'tests'> => {
    const failed = verdicts.find(({ outcome }) => outcome === 'infra_error');
    if (failed !== undefined) return { class: 'infra', reason: reasonOf(failed), tests: [] };
    const missing = 2 * epochs - verdicts.length;
    if (missing > 0) return { class: 'infra', reason: `${missing} evaluations are missing`, tests: [] };
    if (otherDigests.length > 0)
      return { class: 'infra', reason: 'the image changed between the evaluations', tests: [] };
    const flaky = [differs('gold patch', gold), differs('untouched tree', empty)].filter(
      (found) => found !== undefined,
    );
    if (flaky.length > 0)
      return {
        class: 'flaky',
        reason: flaky.map(({ reason }) => reason).join('; '),
        tests: [...new Set(flaky.flatMap(({ tests }) => tests))].sort(),
      };
    const [first] = gold;
    if (resolved.gold < epochs && first !== undefined)
      return { class: 'gold_fails', reason: reasonOf(first), tests: failingTests(first) };
    if (resolved.empty > 0)
      return { class: 'empty_resolves', reason: 'resolved without any patch', tests: [] };
    return { class: 'valid', tests: [] };
  };
  return {
    instanceId: instance.instanceId,
    rowHash: instance.rowHash,
    ...(imageDigest === undefined ? {} : { imageDigest }),
    ...profile,
    ...judged(),
    epochs,
    resolved,
    date:
      verdicts
        .map(({ finishedAt }) => finishedAt)
        .sort()
        .at(-1) ?? now,
    machine,
  };
}

type Question = Pick<ValidationEntry, 'instanceId' | 'rowHash' | 'imageDigest' | 'profile' | 'graderVersion'>;

/** Equal for entries of one question: an entry of another row, image or set of rules says nothing. */
export function questionKey({ instanceId, rowHash, imageDigest, profile, graderVersion }: Question): string {
  return JSON.stringify([instanceId, rowHash, imageDigest, profile, graderVersion]);
}

function resolvedOf(verdicts: readonly Verdict[]): number {
  return verdicts.filter(({ outcome }) => outcome === 'resolved').length;
}

/** How repeats of one question differ, and the tests that fail in some but not in all; undefined when they agree. */
function differs(
  what: string,
  verdicts: readonly Verdict[],
): { readonly reason: string; readonly tests: readonly string[] } | undefined {
  const lists = verdicts.map(failingTests);
  const tests = [...new Set(lists.flat())].filter((test) => !lists.every((list) => list.includes(test)));
  const answers = new Map<string, number>();
  for (const { outcome, reason } of verdicts) {
    const answer = outcome === 'resolved' ? outcome : `${outcome} (${reason})`;
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  if (answers.size <= 1 && tests.length === 0) return undefined;
  const words =
    answers.size > 1
      ? [...answers].map(([answer, times]) => `${answer} ${times}`).join(', ')
      : 'other tests fail each time';
  return { reason: `${what}: ${words}`, tests };
}

function failingTests({ tests }: Verdict): string[] {
  return [...(tests?.FAIL_TO_PASS.failure ?? []), ...(tests?.PASS_TO_PASS.failure ?? [])];
}

function reasonOf({ reason, detail }: Verdict): string {
  return detail === undefined ? reason : `${reason}: ${detail.split('\n', 1)[0]}`;
}
