import { mean } from '../../../src/index.js';
import { standardError } from '../../../src/stats/mean.js';
import { passAtK } from '../../../src/stats/pass-at-k.js';
import { pairedTest } from './paired.js';

/** Whether each run of each problem was resolved: `[problem][run]`. */
export type Outcomes = readonly (readonly boolean[])[];

/** One line of the table. */
export interface Stage {
  readonly name: string;
  readonly outcomes: Outcomes;
  /** Of the stage that it is compared with. */
  readonly against?: string;
}

/** Mean over problems of each problem's share of resolved runs. */
export const ratesOf = (outcomes: Outcomes): readonly number[] =>
  outcomes.map((runs) => mean(runs.map(Number)));

/** The paper's table 1 in miniature: Pass@1 as the mean over runs with its standard error, Pass@10, and the paired test over problems. */
export function tableOf(seed: number, stages: readonly Stage[]): string {
  const byName = new Map(stages.map((stage) => [stage.name, stage]));
  const rows = stages.map(({ name, outcomes, against }) => {
    const runs = outcomes[0]?.length ?? 0;
    const perRun = Array.from({ length: runs }, (_, run) => mean(outcomes.map((all) => Number(all[run]))));
    const passAt10 = mean(
      outcomes.map((all) =>
        passAtK({ n: all.length, c: all.filter(Boolean).length, k: Math.min(10, all.length) }),
      ),
    );
    const other = against === undefined ? undefined : byName.get(against);
    const p =
      other === undefined
        ? ''
        : `p = ${shown(pairedTest(ratesOf(other.outcomes), ratesOf(outcomes)))} (better than ${against})`;
    return [
      name.padEnd(24),
      `${percent(mean(perRun))} ± ${((standardError(perRun) ?? 0) * 100).toFixed(2)}`.padStart(14),
      percent(passAt10).padStart(8),
      `  ${p}`,
    ].join('');
  });
  const problems = stages[0]?.outcomes.length ?? 0;
  return [
    `seed ${seed}: ${problems} held-out problems, ${stages[0]?.outcomes[0]?.length ?? 0} runs`,
    `${''.padEnd(24)}${'Pass@1'.padStart(14)}${'Pass@10'.padStart(8)}`,
    ...rows,
  ].join('\n');
}

const percent = (share: number) => (share * 100).toFixed(1);
const shown = (p: number) => (p < 1e-4 ? '< 0.0001' : p.toFixed(4));
