import { grantedLimits } from '../container/limits.js';
import type { ContainerSpec } from '../engine/engine.js';
import type { EvalSpec } from '../model/eval-spec.js';
import type { RunInstanceContext } from '../run-instance.js';

interface EpisodeContainerOptions {
  readonly spec: EvalSpec;
  readonly sample: number;
  readonly context: Pick<
    RunInstanceContext,
    'resolveImage' | 'labels' | 'engineInfo' | 'limits' | 'mayUseNetwork'
  >;
  readonly signal: AbortSignal;
}

/** The container that an episode acts in: as for grading, but never with a network. */
export async function episodeContainer({
  spec,
  sample,
  context,
  signal,
}: EpisodeContainerOptions): Promise<{ readonly spec: ContainerSpec; readonly digest: string }> {
  const image = await context.resolveImage(spec, signal);
  return {
    digest: image.digest,
    spec: {
      image: image.ref,
      name: `assay.rollout.${spec.instanceId.toLowerCase()}.${sample}`,
      labels: { ...context.labels, 'assay.instance': spec.instanceId },
      limits: grantedLimits({ ...spec.needs, network: false }, context),
    },
  };
}
