/** An episode of training so far. */
export interface PastAttempt {
  readonly instanceId: string;
  /** 1 resolved, 0 not; null: unscorable, which doesn't count. */
  readonly outcome: number | null;
}

export interface Curriculum {
  /** What is trained on next, in the order of the pool. */
  readonly kept: readonly string[];
  /** Solved in at least that share of attempts. */
  readonly solved: readonly string[];
  /** Tried, and never solved. */
  readonly never: readonly string[];
  /** No scorable attempt: nothing speaks against them, so they are kept, too. */
  readonly untried: readonly string[];
}

/** The pool of stage 2: without those solved in `solvedAt` (a share) or more of all attempts so far, and without those never solved. arXiv 2508.03501, section 4.3. */
export function curriculum(
  pool: readonly string[],
  history: readonly PastAttempt[],
  solvedAt: number,
): Curriculum {
  const tallies = new Map(pool.map((id) => [id, { attempts: 0, solved: 0 }]));
  for (const { instanceId, outcome } of history) {
    const tally = tallies.get(instanceId);
    if (tally === undefined || outcome === null) continue;
    tally.attempts++;
    if (outcome === 1) tally.solved++;
  }
  const found = {
    kept: [] as string[],
    solved: [] as string[],
    never: [] as string[],
    untried: [] as string[],
  };
  for (const [id, { attempts, solved }] of tallies) {
    if (attempts === 0) found.untried.push(id);
    if (attempts > 0 && solved === 0) found.never.push(id);
    else if (attempts > 0 && solved / attempts >= solvedAt) found.solved.push(id);
    else found.kept.push(id);
  }
  return found;
}
