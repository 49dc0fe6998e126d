import type { Route } from '../route.js';
import type { Source } from '../source.js';

/** What every view gets: where its data come from, and where it stands. */
export interface ViewProps {
  readonly source: Source;
  /** Path of the run's page, to put before links. */
  readonly base: readonly string[];
  /** Below `base`. */
  readonly route: Route;
}
