import type { Chart } from '../../../reports/charts/chart.js';
import { comparisonCharts } from '../../../reports/charts/compare.js';
import { runCharts } from '../../../reports/charts/run.js';
import { trainingCharts } from '../../../reports/charts/training.js';
import { runPage } from '../../../reports/html/run-page.js';
import { dapoPage } from '../../../reports/html/training-page.js';
import { type RunInstance, summarise, type Verdict } from '../../../src/index.js';
import { compareRuns } from '../../../src/stats/compare.js';
import { seededRandom } from '../../../src/util/random.js';
import { EMPTY_PATCH, instance, PULL_LIMITED, runResults, verdict } from '../run-results.js';

/** What no renderer may take for anything but text. */
export const HOSTILE = `</text></svg><script>bad()</script>]]>&amp;"'\u0000\u001b[2J\u202e\ud800 ${'x'.repeat(3000)}`;

/** Charts of a run. */
export function chartsOf(instances: readonly RunInstance[], verdicts: readonly Verdict[]): readonly Chart[] {
  const results = runResults(instances, verdicts);
  const summary = summarise(results);
  return runCharts(runPage({ results, summary, sources: new Map(), generatedAt: '' }));
}

/** Instances `n-0`, `n-1`, ... of as many repositories. */
export const several = (number: number, fields: Partial<RunInstance> = {}) =>
  Array.from({ length: number }, (_, at) => instance(`n-${at}`, { repo: `owner/name-${at}`, ...fields }));

/** Training whose metrics are these, one after another. */
export const training = (
  metrics: readonly Readonly<Record<string, number>>[],
  fields: { readonly outcomes?: Readonly<Record<string, { resolved: number; scored: number }>> } = {},
) =>
  dapoPage(
    { name: HOSTILE, settings: { algorithm: { group: 2 }, note: HOSTILE }, generatedAt: '' },
    metrics.map((one, at) => ({
      ...{ iteration: at + 1, metrics: one, counts: { groups: 4, kept: 1 }, saved: true },
      ...{ outcomes: {}, seconds: { rollouts: 3, training: 1 } },
      alarms: at === 1 ? [{ name: 'turns', words: HOSTILE }] : [],
      ...fields,
    })),
  );

function comparison(label: string, number: number) {
  const instances = several(number, number > 1 ? {} : { repo: HOSTILE });
  const run = (isResolved: (at: number) => boolean) => ({
    label,
    results: runResults(
      instances,
      instances.map(({ instanceId }, at) =>
        verdict(instanceId, { outcome: isResolved(at) ? 'resolved' : 'unresolved' }),
      ),
    ),
  });
  return compareRuns({
    runs: [run((at) => at % 2 === 0), run((at) => at % 3 === 0), run(() => false)],
    ...{ strict: false, intersect: false, random: seededRandom },
  });
}

/** Charts of what is small, large, missing or hostile, by a name. */
export const SAMPLES: Readonly<Record<string, () => readonly Chart[]>> = {
  'a run of nothing': () => chartsOf([], []),
  'a run of one instance, resolved': () => chartsOf(several(1), [verdict('n-0')]),
  'a run of two, none resolved': () =>
    chartsOf(
      several(2),
      several(2).map(({ instanceId }) =>
        verdict(instanceId, { outcome: 'unresolved', seconds: { test: 0 } }),
      ),
    ),
  'a run with every outcome': () =>
    chartsOf(
      [...several(5, { repo: 'a/b' }), instance('other-1', { attempts: 0 })],
      [verdict('n-0'), verdict('n-1', EMPTY_PATCH), verdict('n-2', PULL_LIMITED)],
    ),
  'a run of a thousand repositories': () =>
    chartsOf(
      several(1000),
      several(1000).map(({ instanceId }) => verdict(instanceId, { seconds: { test: 1e9 } })),
    ),
  'a run with hostile names': () =>
    chartsOf(
      [instance('n-0', { repo: HOSTILE, difficulty: HOSTILE }), instance('n-1', { repo: 'b/c' })],
      [verdict('n-0'), verdict('n-1')],
    ),
  'repeated attempts': () =>
    chartsOf(
      several(3, { attempts: 4 }),
      several(3).flatMap(({ instanceId }) =>
        [1, 2, 3, 4].map((attempt) =>
          verdict(instanceId, { attempt, outcome: attempt % 2 ? 'resolved' : 'unresolved' }),
        ),
      ),
    ),
  'a training of nothing': () => trainingCharts(training([])),
  'a training of one iteration': () => trainingCharts(training([{ 'rollout/turns': 3 }])),
  'a training with gaps, and values that are none': () =>
    trainingCharts(
      training(
        [
          { 'rollout/turns': 3, 'rollout/pass_at_1': 0.5, 'train/loss': -1 },
          { 'train/loss': Number.NaN, 'train/kl_old': 1e300 },
          { 'rollout/turns': 1, 'rollout/pass_at_1': 1, 'train/loss': Number.POSITIVE_INFINITY },
          { 'rollout/turns': 1, 'rollout/pass_at_1': 1, 'train/kl_old': 1e-30 },
        ],
        { outcomes: { a: { resolved: 1, scored: 2 }, b: { resolved: 2, scored: 2 } } },
      ),
    ),
  'a training of a thousand iterations': () =>
    trainingCharts(training(Array.from({ length: 1000 }, (_, at) => ({ 'train/loss': Math.sin(at) })))),
  'three runs of one instance': () => comparisonCharts(comparison(HOSTILE, 1)),
  'three runs of many': () => comparisonCharts(comparison('run', 60)),
};
