import type Docker from 'dockerode';
import { AssayError } from '../../errors.js';
import type { LayerSize } from '../engine.js';
import { call, expectList, get } from './call.js';

/** What an engine tells of one step in the making of an image. */
interface Step {
  readonly Size?: number;
  readonly CreatedBy?: string;
}

/** Instructions of a Dockerfile that never make a layer. */
const NO_LAYER =
  /^(\/bin\/sh -c #\(nop\)\s+)?(ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b/;

/** The steps that made an image, the last one first. */
export async function historyOf(docker: Docker, ref: string, signal: AbortSignal): Promise<readonly Step[]> {
  const what = `ask for the history of image ${ref}`;
  const found = await call({ what, signal }, (abortSignal) =>
    get(docker, `/images/${ref}/history`, { abortSignal }),
  );
  return expectList(found, what) as readonly Step[];
}

/**
 * The size of each layer. The engine doesn't say which steps made a layer: those with bytes did, and of those without, all but the
 * instructions that never do, or none.
 */
export function sizesOf(
  steps: readonly Step[],
  { ref, layers }: { readonly ref: string; readonly layers: readonly string[] },
): readonly LayerSize[] {
  const sizes = (made: (step: Step) => boolean) =>
    steps.filter((step) => (step.Size ?? 0) > 0 || made(step)).map(({ Size = 0 }) => Size);
  const guesses = [sizes(({ CreatedBy = '' }) => !NO_LAYER.test(CreatedBy)), sizes(() => false)];
  const match = guesses.find(({ length }) => length === layers.length)?.reverse();
  if (match !== undefined) return layers.map((diffId, i) => ({ diffId, bytes: match[i] as number }));
  throw new AssayError(
    'engine_failed',
    `docker: the history of image ${ref} tells of ${guesses.map(({ length }) => length).join(' or ')} layers, but it has ${layers.length}`,
  );
}
