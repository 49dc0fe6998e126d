import type { Readable } from 'node:stream';
import type { Container, ImageInfo } from '../engine/engine.js';
import type { EvalSpec } from '../model/eval-spec.js';
import type { Job, Reinstall } from '../run-instance.js';
import type { Proofs } from './proofs.js';
import { beforeReinstall, reinstallOf, touches, withoutReinstall } from './rule.js';

/** What a run asks, answered by proofs. */
export function reinstallBy(proofs: Proofs): Reinstall {
  /** One for each spec, as what is known of a spec is kept by its identity. */
  const shorter = new WeakMap<EvalSpec, EvalSpec>();
  const proofOf = async ({ spec, profile, prediction: { patch } }: Job, { digest }: ImageInfo) => {
    if (reinstallOf(spec.evalScript) === undefined) return undefined;
    const proof = await proofs.find(proofs.keyOf({ spec, profile, imageDigest: digest }));
    if (proof === undefined || proof.fault !== undefined) return undefined;
    return patch === null || touches(patch, proof.opened) === undefined ? proof : undefined;
  };
  return {
    async skip(job, image) {
      const { patch, untouched } = job.prediction;
      if (patch === null && untouched !== true) return undefined;
      if ((await proofOf(job, image)) === undefined) return undefined;
      const known = shorter.get(job.spec) ?? withoutStep(job.spec);
      shorter.set(job.spec, known);
      return known;
    },
    async makeReady(job, image) {
      const proof = await proofOf(job, image);
      return proof === undefined ? undefined : readyMaker(job.spec, () => proofs.byteCode(proof.key));
    },
  };
}

export function withoutStep(spec: EvalSpec): EvalSpec {
  return { ...spec, evalScript: withoutReinstall(spec.evalScript) };
}

/** Puts byte code, then runs what the script starts with: git's index is fresh after that, and files are in memory. */
export function readyMaker(spec: EvalSpec, byteCodeOf: () => Readable | undefined) {
  return async (container: Container, signal: AbortSignal) => {
    const byteCode = byteCodeOf();
    if (byteCode !== undefined) await container.putArchive(byteCode, signal);
    await container.exec({
      argv: ['/bin/bash', '-c', beforeReinstall(spec.evalScript)],
      workdir: spec.workdir,
      signal,
      onOutput: () => {},
    });
  };
}
