import type { SandboxLimits } from '../engine/engine.js';
import type { Needs } from '../model/instance.js';

interface Allowed {
  readonly limits: SandboxLimits;
  /** False: not even an instance that needs the network gets it. */
  readonly mayUseNetwork: boolean;
}

/** The sandbox of an instance: the run's limits, widened by what the instance truly needs. */
export function grantedLimits(needs: Needs, { limits, mayUseNetwork }: Allowed): SandboxLimits {
  return {
    ...limits,
    network: limits.network || (mayUseNetwork && needs.network === true),
    capAdd: [...limits.capAdd, ...(needs.capAdd ?? [])],
    memoryBytes: Math.max(limits.memoryBytes, needs.memoryBytes ?? 0),
  };
}

/** What was granted beyond the default sandbox, for the verdict. */
export function granted(limits: SandboxLimits, defaults: SandboxLimits): Needs {
  return {
    ...(limits.network ? { network: true } : {}),
    ...(limits.capAdd.length > 0 ? { capAdd: [...limits.capAdd] } : {}),
    ...(limits.memoryBytes > defaults.memoryBytes ? { memoryBytes: limits.memoryBytes } : {}),
  };
}
