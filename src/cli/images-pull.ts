import type { ErrorCode } from '../errors.js';
import { AssayError, toAssayError } from '../errors.js';
import { isPublished } from '../image/resolve.js';
import { mapLimit } from '../util/pool.js';
import { connectEngine, noteUse } from './engines.js';
import { describeError, EXIT } from './exit.js';
import { checkCount, type PullFlags } from './flags.js';
import type { Host } from './host.js';
import { dockerPuller } from './images-puller.js';
import { chosenSpecs, interruptFor, type RowArgs } from './images-shared.js';

type PullArgs = RowArgs & PullFlags & { readonly jobs: number };

/** `assay images pull`: the published images that are missing; a failed one doesn't stop the rest. */
export async function pullCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as PullArgs;
  checkCount(args.jobs, 'jobs', 1);
  const specs = await chosenSpecs(args, host);
  const { engine } = await connectEngine('docker', host);
  const interrupt = interruptFor(host);
  const { kill, drain } = interrupt;
  try {
    const puller = dockerPuller(engine, host, args);
    await engine.info();
    const counts = { pulled: 0, present: 0 };
    const failed = new Map<ErrorCode, number>();
    await mapLimit(specs, args.jobs, async ({ instanceId, images }) => {
      // Waits for a limit end with the first Ctrl-C: hours may be left.
      if (drain.aborted) return;
      const ref = images.find(isPublished);
      try {
        if (ref === undefined) throw new AssayError('image_missing', 'no published image is known');
        const isThere = (await engine.images.inspect(ref, kill)) !== undefined;
        const { digest } = await puller.pull(ref, drain);
        const state = isThere && !args['update-digests'] ? 'present' : 'pulled';
        counts[state]++;
        if (state === 'pulled') await noteUse({ names: [ref], host, signal: kill });
        if (args.json) host.out(JSON.stringify({ instanceId, ref, digest, state }));
        else if (state === 'pulled') host.out(`${instanceId}  ${ref}  ${digest}`);
        if (state === 'pulled') host.err(`${counts.pulled + counts.present} of ${specs.length}`);
      } catch (thrown) {
        if (drain.aborted) return;
        const error = toAssayError(thrown);
        failed.set(error.code, (failed.get(error.code) ?? 0) + 1);
        if (args.json) host.out(JSON.stringify({ instanceId, ref, state: 'failed', reason: error.code }));
        host.err(`${instanceId}: ${describeError(error)}`);
      }
    });
    const failures = [...failed].map(([code, count]) => `, ${count} ${code}`).join('');
    const say = args.json ? host.err : host.out;
    say(`${counts.pulled} pulled, ${counts.present} there before${failures}, of ${specs.length}`);
    if (drain.aborted) return EXIT.interrupted;
    return failed.size > 0 ? EXIT.infraLeft : EXIT.done;
  } finally {
    interrupt.release();
    await engine.close();
  }
}
