import { toAssayError } from '../errors.js';
import type { Prediction } from '../model/prediction.js';
import type { ReinstallProof } from '../model/reinstall.js';
import { toPrediction } from '../patch/read.js';
import { openProofs } from '../reinstall/proofs.js';
import { prove } from '../reinstall/prove.js';
import { startRemoval } from '../run/removal.js';
import { runPool } from '../run/schedule.js';
import { connectForInstances } from './connect.js';
import { contextFor, deadlinesOf } from './context.js';
import { orphanLabels } from './engines.js';
import { describeError, EXIT, usage } from './exit.js';
import { checkCount } from './flags.js';
import type { Host } from './host.js';
import { loadInstances, specsOf } from './inputs.js';
import { listenForInterrupt } from './interrupt.js';
import { engineFor } from './plan.js';
import { benchmarkFor, profileNamed } from './registry.js';
import type { EvalArgs } from './run-flags.js';
import { version } from './version.js';

/** `assay prove`: for which instances may the re-install be left out, by runs of the gold patch and the untouched tree with it and without? */
export async function proveCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { refresh = false, ...args } = raw as EvalArgs;
  checkCount(args.workers, 'workers', 1);
  const { instances } = await loadInstances(args, host);
  const [first] = instances;
  if (first === undefined) throw usage('no instance is left after the selection flags');
  const engineName = engineFor(args, benchmarkFor(first));
  const interrupt = listenForInterrupt(host);
  const { drain, kill: signal } = interrupt;
  const connected = await connectForInstances(args, {
    ...{ engineName, host, signal, onLog: host.err },
    pullSeconds: deadlinesOf(args).pull,
  });
  const { engine } = connected;
  const removal = startRemoval({
    containers: engine.containers,
    labels: orphanLabels(RUN, host),
    clock: host.clock,
    onWarning: host.err,
  });
  const proofs = openProofs({ cacheDir: host.cacheDir, engine: engine.name, version: version() });
  const specs = specsOf(instances);
  let open = 0;
  try {
    const { context: own, workers } = await contextFor(args, { connected, host, runId: RUN, trusted: true });
    const context = { ...own, signal, discard: removal.discard };
    await runPool(instances, { workers, drain }, async (instance) => {
      const { instanceId, patch } = instance;
      const spec = specs.get(instanceId);
      if (spec === undefined) return;
      const profile = profileNamed(args.profile ?? benchmarkFor(instance).defaultProfile);
      const prediction: Prediction = toPrediction({ instanceId, model: 'gold', attempt: 1, patch });
      try {
        const proof = await prove({ gold: { spec, profile, prediction }, proofs, context, refresh });
        if (args.json === true) host.out(JSON.stringify(proof ?? { instanceId, fault: NO_STEP }));
        else host.out(`${instanceId}  ${lineOf(proof)}`);
      } catch (error) {
        if (signal.aborted) return;
        open++;
        host.err(`${instanceId}: ${describeError(toAssayError(error))}`);
      }
    });
    if (drain.aborted) return EXIT.interrupted;
    return open > 0 ? EXIT.infraLeft : EXIT.done;
  } finally {
    await removal.finish();
    interrupt.release();
    await engine.close();
  }
}

/** Names the command in the labels of containers. */
const RUN = 'prove';

const NO_STEP = 'the script has no editable install of the tree';

function lineOf(proof: ReinstallProof | undefined): string {
  if (proof === undefined) return `always: ${NO_STEP}`;
  if (proof.fault !== undefined) return `always: ${proof.fault}`;
  const sources = proof.opened.filter((path) => path.endsWith('.py'));
  return `auto: equal on gold and empty; not where a patch touches ${sources.join(', ') || 'other files than Python sources'}`;
}
