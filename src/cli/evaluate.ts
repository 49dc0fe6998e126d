import type { Verdict } from '../model/verdict.js';
import { execute } from './eval.js';
import { executeOnQueue } from './eval-queue.js';
import { EXIT, usage } from './exit.js';
import { tellJob } from './github-job.js';
import type { Host } from './host.js';
import { prepare } from './plan.js';
import { finishReport, knownTroubles } from './results.js';
import type { EvalArgs } from './run-flags.js';

/** `assay eval`: dataset and predictions to verdicts and a report; `again` chooses verdicts of the folder to be found anew. */
export async function evalCommand(
  raw: Readonly<Record<string, unknown>>,
  host: Host,
  again?: (verdict: Verdict) => boolean,
): Promise<number> {
  const args = raw as EvalArgs;
  const plan = await prepare(args, [predictionSource(args)], host);
  if (args['dry-run'] === true) {
    for (const { spec, prediction } of plan.jobs)
      host.out(`${spec.instanceId}\t${prediction.attempt}\t${spec.images.join(' ')}`);
    return EXIT.done;
  }
  const notesOn = await knownTroubles(plan.manifest, host);
  const results = await (args.queue === undefined
    ? execute({ ...plan, notesOn }, args, host, again)
    : executeOnQueue({ ...plan, notesOn, url: args.queue }, args, host, again));
  const summary = await finishReport(results, plan.folder, args.json === true, host);
  await tellJob(results, summary, host);
  const { infra_error: failed } = summary.outcomes;
  if (failed > 0 && failed === results.verdicts.length)
    host.err(
      `No attempt could be judged: \`assay doctor ${args.dataset}\` says what is wrong with this machine.`,
    );
  if (failed > 0) return EXIT.infraLeft;
  return (summary.passAt1.rate ?? 0) < (args['fail-under'] ?? 0) ? EXIT.belowThreshold : EXIT.done;
}

function predictionSource({ predictions, gold, empty }: EvalArgs): string {
  const given = [
    predictions,
    gold === true ? 'gold' : undefined,
    empty === true ? 'empty' : undefined,
  ].filter((source) => source !== undefined);
  if (given.length !== 1) throw usage('give one of --predictions FILE, --gold and --empty');
  return given[0] as string;
}
