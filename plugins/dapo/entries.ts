import { type Static, Type } from 'typebox';

const Numbers = Type.Record(Type.String(), Type.Number());

const StepEntry = Type.Object({
  type: Type.Literal('step'),
  /** From 1. */
  iteration: Type.Integer(),
  /** Of the run, from 1. */
  step: Type.Integer(),
  episodes: Type.Integer(),
  learningRate: Type.Number(),
  gradientNorm: Type.Union([Type.Number(), Type.Null()]),
  /** As of the trainer: sums over the tokens with a loss. */
  sums: Numbers,
});
export type StepEntry = Static<typeof StepEntry>;

const IterationEntry = Type.Object({
  type: Type.Literal('iteration'),
  /** From 1. */
  iteration: Type.Integer(),
  /** Of the run so far. */
  steps: Type.Integer(),
  weightVersion: Type.String(),
  /** By instance: resolved episodes, and all that have a score. */
  outcomes: Type.Record(Type.String(), Type.Object({ resolved: Type.Integer(), scored: Type.Integer() })),
  counts: Numbers,
  metrics: Numbers,
  alarms: Type.Array(Type.Object({ name: Type.String(), words: Type.String() })),
  /** There is a checkpoint of it. Those after the last one are computed again, from the episodes that they had. */
  saved: Type.Boolean(),
  seconds: Type.Object({ rollouts: Type.Number(), training: Type.Number() }),
  finishedAt: Type.String(),
});
export type IterationEntry = Static<typeof IterationEntry>;

/** A line of the journal. What comes after the last checkpoint is computed again, from the episodes that it had and to the same weights. */
export const DapoEntry = Type.Union([StepEntry, IterationEntry]);
export type DapoEntry = Static<typeof DapoEntry>;

/** The last iteration of a journal that has a checkpoint; 0: none. */
export function lastSaved(entries: readonly DapoEntry[]): number {
  return entries.reduce(
    (last, entry) => (entry.type === 'iteration' && entry.saved ? entry.iteration : last),
    0,
  );
}

/** The last line of each iteration before one. */
export function iterationsBefore(
  entries: readonly DapoEntry[],
  iteration: number,
): readonly IterationEntry[] {
  const last = new Map<number, IterationEntry>();
  for (const entry of entries)
    if (entry.type === 'iteration' && entry.iteration < iteration) last.set(entry.iteration, entry);
  return [...last.values()].sort((a, b) => a.iteration - b.iteration);
}
