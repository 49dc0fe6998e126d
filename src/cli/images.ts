import { type AssayError, toAssayError } from '../errors.js';
import { instanceImage } from '../image/instance.js';
import { mapLimit } from '../util/pool.js';
import { type BuildFlags, buildContext } from './builder.js';
import { connectEngine, imageNames, noteUse } from './engines.js';
import { describeError, EXIT, usage } from './exit.js';
import { checkCount, type DatasetFlags, type SelectionFlags } from './flags.js';
import type { Host } from './host.js';
import { loadInstances, specsOf } from './inputs.js';
import { listenForInterrupt } from './interrupt.js';

type ImagesArgs = BuildFlags &
  Readonly<
    { action: 'build'; dataset: string; json: boolean; workers?: number } & Partial<
      DatasetFlags & SelectionFlags
    >
  >;

/** `assay images build`: the images of the chosen instances; a failed one doesn't stop the rest. */
export async function imagesCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ImagesArgs;
  checkCount(args.workers, 'workers', 1);
  const { instances } = await loadInstances(args, host);
  const { engine } = await connectEngine('docker', host);
  const interrupt = listenForInterrupt(host);
  const failures: AssayError[] = [];
  try {
    await engine.info();
    const context = await buildContext(args, host, { engine, signal: interrupt.kill, onLog: host.err });
    const specs = [...specsOf(instances).values()];
    let done = 0;
    await mapLimit(specs, args.workers ?? 2, async ({ instanceId, recipe }) => {
      if (interrupt.drain.aborted) return;
      const from = host.clock.now();
      try {
        if (recipe === undefined)
          throw usage(`${instanceId} has no recipe: only its published image can be used`);
        const { ref, digest, sizeBytes } = await instanceImage(context, recipe);
        await noteUse({ names: imageNames({ recipe }, ref), host, signal: interrupt.kill });
        const seconds = Math.round(host.clock.now() - from) / 1000;
        done++;
        host.out(
          args.json
            ? JSON.stringify({ instanceId, ref, digest, sizeBytes, seconds })
            : `${instanceId}  ${ref}  ${digest}  ${seconds.toFixed(1)} s  (${done} of ${specs.length})`,
        );
      } catch (error) {
        if (interrupt.kill.aborted) return;
        failures.push(toAssayError(error));
        host.err(`${instanceId}: ${describeError(error)}`);
      }
    });
    if (interrupt.drain.aborted) return EXIT.interrupted;
    return failures.length > 0 ? EXIT.infraLeft : EXIT.done;
  } finally {
    interrupt.release();
    await engine.close();
  }
}
