import { canonicalJson, sha256, type Trajectory, type ValidationEntry } from '../../src/index.js';
import type { Score } from '../trainer/outcome.js';

/** What decides whether an episode is trained on; the episode itself stays on the disk. */
export interface Candidate {
  readonly episodeId: string;
  readonly instanceId: string;
  readonly sample: number;
  /** 1 resolved, 0 not, null unscorable. */
  readonly outcome: number | null;
  /** sha256 of what it did, turn by turn, and of its patch. */
  readonly actions: string;
  readonly patch: string;
}

/** One reason to leave episodes out, and how many are left after it. */
export interface SelectionStep {
  readonly name: 'played' | 'unscorable' | 'unresolved' | 'flaky' | 'duplicate' | 'too_long';
  /** What is dropped, for people. */
  readonly words: string;
  readonly dropped: number;
  readonly left: number;
}

export interface Selected {
  /** By instance id, then sample. */
  readonly kept: readonly Candidate[];
  readonly steps: readonly SelectionStep[];
}

export interface SelectOptions {
  /**
   * `actions`: of episodes of one instance that did the same, one stays, as arXiv 2308.01825 keeps one path of each list of equations; `patch`: of those with the same
   * patch. The paper of the presets says nothing of repetitions.
   */
  readonly duplicates: 'actions' | 'patch' | 'keep';
  /** What is known of instances; those that aren't valid by it are flaky here. `infra` says nothing. */
  readonly validations: readonly Pick<ValidationEntry, 'instanceId' | 'class'>[];
}

/** A finished episode as a candidate. */
export function candidateOf({ episode, turns, result }: Trajectory, outcome: Score): Candidate {
  const { episodeId, instanceId, sample } = episode;
  // Where no command could be taken from a response, the response is what it did.
  const actions = turns.map(({ command, response }) => command ?? response);
  return {
    episodeId,
    instanceId,
    sample,
    outcome,
    actions: sha256(canonicalJson(actions)),
    patch: sha256(result?.patch ?? ''),
  };
}

/**
 * Resolved episodes that are neither flaky nor a repetition. Flaky: the instance is not valid by a validation, or one of its patches was resolved in one grading and not in
 * another. The first sample of those alike is kept.
 */
export function selectEpisodes(candidates: readonly Candidate[], options: SelectOptions): Selected {
  const steps: SelectionStep[] = [
    { name: 'played', words: 'episodes played', dropped: 0, left: candidates.length },
  ];
  let left: readonly Candidate[] = [...candidates].sort(
    (a, b) => compare(a.instanceId, b.instanceId) || a.sample - b.sample,
  );
  const drop = (name: SelectionStep['name'], words: string, isOut: (candidate: Candidate) => boolean) => {
    const next = left.filter((candidate) => !isOut(candidate));
    steps.push({ name, words, dropped: left.length - next.length, left: next.length });
    left = next;
  };
  const unsure = unsurePatches(candidates);
  const notValid = new Set(
    options.validations
      .filter((entry) => entry.class !== 'valid' && entry.class !== 'infra')
      .map(({ instanceId }) => instanceId),
  );
  drop('unscorable', 'the machine failed, not the model', ({ outcome }) => outcome === null);
  drop('unresolved', 'not resolved by the strict verdict', ({ outcome }) => outcome !== 1);
  drop(
    'flaky',
    'the instance is not valid, or the same patch had two verdicts',
    (candidate) => notValid.has(candidate.instanceId) || unsure.has(patchKey(candidate)),
  );
  const seen = new Set<string>();
  drop('duplicate', `same instance and same ${options.duplicates}`, (candidate) => {
    if (options.duplicates === 'keep') return false;
    const key = canonicalJson([candidate.instanceId, candidate[options.duplicates]]);
    const isKnown = seen.has(key);
    seen.add(key);
    return isKnown;
  });
  return { kept: left, steps };
}

/** Those too long to be trained on, in tokens, once they are rendered; counted as one more step. */
export function dropTooLong(
  selected: Selected,
  tokensOf: (candidate: Candidate) => number,
  contextTokens: number,
): Selected {
  const kept = selected.kept.filter((candidate) => tokensOf(candidate) <= contextTokens);
  const step: SelectionStep = {
    name: 'too_long',
    words: `more than ${contextTokens} tokens`,
    dropped: selected.kept.length - kept.length,
    left: kept.length,
  };
  return { kept, steps: [...selected.steps, step] };
}

const patchKey = ({ instanceId, patch }: Candidate) => `${instanceId} ${patch}`;
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Patches with scorable verdicts that differ. */
function unsurePatches(candidates: readonly Candidate[]): ReadonlySet<string> {
  const outcomes = new Map<string, Set<number>>();
  for (const candidate of candidates) {
    if (candidate.outcome === null) continue;
    const key = patchKey(candidate);
    outcomes.set(key, (outcomes.get(key) ?? new Set<number>()).add(candidate.outcome));
  }
  return new Set([...outcomes].filter(([, found]) => found.size > 1).map(([key]) => key));
}
