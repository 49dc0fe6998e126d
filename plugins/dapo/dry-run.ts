import {
  type Assumed,
  type Estimate,
  meanTokensOf,
  modelRows,
  row,
  sandboxRows,
} from '../trainer/dry-run/rows.js';
import type { DapoConfig } from './config.js';

/** What a configuration of DAPO implies: rollouts, tokens, steps, sandboxes, memory, disk. */
export function estimateDapo(config: DapoConfig, assumed: Assumed): Estimate {
  const { algorithm, episode, iterations } = config;
  const problems = Math.min(algorithm.problems, assumed.pool);
  const episodes = problems * algorithm.group;
  const steps = Math.ceil(episodes / algorithm.batch) * algorithm.epochs;
  const length = meanTokensOf(config, assumed);
  const model = modelRows(config, assumed, {
    episodes,
    trainedTokens: episodes * length,
    passes: {
      scored: 1,
      trained: algorithm.epochs,
      words: 'an iteration in which all episodes have a signal',
    },
  });
  const rows = [
    row('iteration', 'problems', problems, 'algorithm.problems, or all that there are'),
    row('iteration', 'episodes', episodes, `${problems} problems x ${algorithm.group}`),
    row('iteration', 'gradings', episodes, 'one of each; the strict verdict may run tests again'),
    row(
      'iteration',
      'tokens, at most',
      episodes * episode.contextTokens,
      'all episodes as long as the context',
    ),
    row('iteration', 'tokens, assumed', episodes * length, `${length} an episode`),
    row('iteration', 'optimizer steps, at least', 0, 'no group has a signal'),
    row(
      'iteration',
      'optimizer steps, at most',
      steps,
      `all groups have one; batches of ${algorithm.batch}, ${algorithm.epochs} epochs`,
    ),
    row('run', 'iterations', iterations, 'iterations'),
    row('run', 'episodes', iterations * episodes, 'of all iterations'),
    row(
      'run',
      'passes over the problems',
      Number(((iterations * problems) / Math.max(1, assumed.pool)).toFixed(2)),
      `${assumed.pool} problems`,
    ),
    ...sandboxRows(config, episodes),
    ...model.rows,
  ];
  const warnings =
    algorithm.problems > assumed.pool
      ? [
          `algorithm.problems (${algorithm.problems}) is more than there are: each iteration takes all ${assumed.pool}.`,
        ]
      : [];
  return { rows, warnings: [...warnings, ...model.warnings] };
}
