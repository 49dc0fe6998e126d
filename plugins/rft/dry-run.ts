import {
  type Assumed,
  type Estimate,
  meanTokensOf,
  modelRows,
  row,
  sandboxRows,
} from '../trainer/dry-run/rows.js';
import type { RftConfig } from './config.js';

/** What a configuration of a fine-tuning implies: rollouts, tokens, steps, sandboxes, memory, disk. */
export function estimateRft(config: RftConfig, assumed: Assumed): Estimate {
  const { algorithm, episode, rollouts } = config;
  const episodes = assumed.pool * rollouts.samples;
  const length = meanTokensOf(config, assumed);
  const steps = Math.ceil(episodes / algorithm.batch) * algorithm.epochs;
  const model = modelRows(config, assumed, {
    episodes,
    trainedTokens: episodes * length,
    passes: { scored: 0, trained: algorithm.epochs, words: 'a run in which all episodes are kept' },
  });
  return {
    rows: [
      row('run', 'problems', assumed.pool, 'of the dataset section'),
      row('run', 'episodes', episodes, `${assumed.pool} problems x ${rollouts.samples}`),
      row('run', 'gradings', episodes, 'one of each; the strict verdict may run tests again'),
      row('run', 'tokens, at most', episodes * episode.contextTokens, 'all episodes as long as the context'),
      row('run', 'tokens, assumed', episodes * length, `${length} an episode`),
      row(
        'run',
        'optimizer steps, at most',
        steps,
        `all are kept; batches of ${algorithm.batch}, ${algorithm.epochs} epochs`,
      ),
      ...sandboxRows(config, episodes),
      ...model.rows,
    ],
    warnings: model.warnings,
  };
}
