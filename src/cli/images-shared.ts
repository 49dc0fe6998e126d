import { setMaxListeners } from 'node:events';
import type { EvalSpec } from '../model/eval-spec.js';
import { usage } from './exit.js';
import type { DatasetFlags, SelectionFlags } from './flags.js';
import type { Host } from './host.js';
import { loadInstances, specsOf } from './inputs.js';
import { type Interrupt, listenForInterrupt } from './interrupt.js';

/** What the actions on a dataset's images have in common, as yargs gives it. */
export type RowArgs = Readonly<{ dataset: string; json: boolean }> & Partial<DatasetFlags & SelectionFlags>;

/** Specs of the chosen instances; throws `usage` when none is chosen. */
export async function chosenSpecs(args: RowArgs, host: Host): Promise<readonly EvalSpec[]> {
  const { instances } = await loadInstances(args, host);
  if (instances.length === 0) throw usage('no instance is left after the selection flags');
  return [...specsOf(instances).values()];
}

/** Like `listenForInterrupt`, for many calls at once that all end with it. */
export function interruptFor(host: Host): Interrupt {
  const interrupt = listenForInterrupt(host);
  setMaxListeners(0, interrupt.drain, interrupt.kill);
  return interrupt;
}

/** Rows as text in columns, the numbers of a column at the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumeric = head.map((_, column) =>
    rows.every((row) => /^[\d.-]*( ([KMGT]i)?B)?$/.test(row[column] ?? '')),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
