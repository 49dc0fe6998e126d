import type { EpisodeEnd } from '../../src/index.js';

/** A graded episode, as the algorithm sees it. */
export interface Attempt {
  readonly episodeId: string;
  /** R: 1 resolved, 0 not; null: unscorable. */
  readonly outcome: number | null;
  /** |tau|: actions of the model, format errors among them. */
  readonly turns: number;
  readonly end: EpisodeEnd;
}

/** The episodes of one problem in one iteration. */
export interface Group {
  readonly instanceId: string;
  readonly attempts: readonly Attempt[];
}
