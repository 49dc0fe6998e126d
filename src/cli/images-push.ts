import type { ImageEngine } from '../engine/engine.js';
import { AssayError, toAssayError } from '../errors.js';
import { instanceTag } from '../image/instance.js';
import { mapLimit } from '../util/pool.js';
import { connectEngine } from './engines.js';
import { describeError, EXIT, usage } from './exit.js';
import { checkCount } from './flags.js';
import type { Host } from './host.js';
import { chosenSpecs, interruptFor, type RowArgs } from './images-shared.js';

type PushArgs = RowArgs & { readonly to: string; readonly jobs: number };

/** `assay images push`: instance images that were built here, under a name of the registry. */
export async function pushCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as PushArgs;
  checkCount(args.jobs, 'jobs', 1);
  const to = args.to.replace(/\/+$/, '');
  if (!/^[\w.-]+(:\d+)?(\/[a-z0-9._-]+)+$/.test(to))
    throw usage(`--to ${args.to}: expected REGISTRY/NAMESPACE, e.g. registry.example.org/team`);
  const specs = await chosenSpecs(args, host);
  const { engine } = await connectEngine('docker', host);
  const interrupt = interruptFor(host);
  try {
    await engine.info();
    const failed: string[] = [];
    let done = 0;
    await mapLimit(specs, args.jobs, async ({ instanceId, recipe }) => {
      if (interrupt.drain.aborted) return;
      try {
        if (recipe === undefined)
          throw new AssayError('image_missing', 'it has no recipe, so nothing is built');
        const from = instanceTag(recipe.name);
        const { ref, digest } = await pushAs({
          images: engine.images,
          from,
          ref: `${to}/${from}`,
          signal: interrupt.kill,
        });
        done++;
        host.out(
          args.json ? JSON.stringify({ instanceId, ref, digest }) : `${instanceId}  ${ref}  ${digest}`,
        );
        host.err(`${done} of ${specs.length}`);
      } catch (error) {
        if (interrupt.kill.aborted) return;
        failed.push(instanceId);
        const { code } = toAssayError(error);
        if (args.json) host.out(JSON.stringify({ instanceId, failed: code }));
        host.err(`${instanceId}: ${describeError(error)}`);
      }
    });
    if (failed.length > 0) host.err(`not pushed: ${failed.join(' ')}`);
    if (interrupt.drain.aborted) return EXIT.interrupted;
    return failed.length > 0 ? EXIT.infraLeft : EXIT.done;
  } finally {
    interrupt.release();
    await engine.close();
  }
}

interface PushOptions {
  readonly images: ImageEngine;
  readonly from: string;
  readonly ref: string;
  readonly signal: AbortSignal;
}

/** Pushes an image under a name that it has only meanwhile, unless it had it before. */
async function pushAs({ images, from, ref, signal }: PushOptions) {
  if ((await images.inspect(from, signal)) === undefined)
    throw new AssayError('image_missing', `there is no image ${from}`);
  const hadName = (await images.inspect(ref, signal)) !== undefined;
  await images.tag(from, ref);
  try {
    return { ref, ...(await images.push(ref, { signal })) };
  } finally {
    if (!hadName) await images.remove(ref);
  }
}
