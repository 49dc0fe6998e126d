import { createReadStream, existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { EvalSpec } from '../model/eval-spec.js';
import type { GradingProfile } from '../model/grading.js';
import { ReinstallProof } from '../model/reinstall.js';
import { readIfExists, writeAtomic } from '../util/files.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { schemaFault } from '../util/schema.js';
import { RULE } from './rule.js';

/** What a proof is of. */
export interface Subject {
  readonly spec: EvalSpec;
  readonly profile: GradingProfile;
  readonly imageDigest: string;
}

/** Proofs in the cache; each holds for what its key was made of, so that nothing has to be removed when that changes. */
export interface Proofs {
  keyOf(subject: Subject): string;
  /** Undefined where there is none, or it is damaged. */
  find(key: string): Promise<ReinstallProof | undefined>;
  /** Keeps a proof, and the byte code that its tests left: a tar, unpacked at `/`. */
  keep(proof: ReinstallProof, byteCode: Uint8Array | undefined): Promise<void>;
  /** The byte code of a proof, where it has any. */
  byteCode(key: string): Readable | undefined;
}

export function openProofs(options: {
  readonly cacheDir: string;
  /** The engine's name: what another one runs was not seen. */
  readonly engine: string;
  /** Of this program. */
  readonly version: string;
}): Proofs {
  const { cacheDir, engine, version } = options;
  const file = (key: string, ending: string) => join(cacheDir, 'reinstall', `${key}.${ending}`);
  return {
    keyOf({ spec, profile, imageDigest }) {
      const { rowHash, workdir } = spec;
      const script = profile.prepareScript(spec.evalScript);
      const { name, graderVersion } = profile;
      return sha256(
        canonicalJson({
          rowHash,
          workdir,
          script,
          imageDigest,
          name,
          graderVersion,
          engine,
          version,
          rule: RULE,
        }),
      );
    },
    async find(key) {
      const text = await readIfExists(file(key, 'json'));
      const proof = text === undefined ? undefined : parsed(text);
      return proof?.key === key ? proof : undefined;
    },
    async keep(proof, byteCode) {
      // The proof is last: with it the rest counts.
      await rm(file(proof.key, 'json'), { force: true });
      if (byteCode === undefined) await rm(file(proof.key, 'tar'), { force: true });
      else await writeAtomic(file(proof.key, 'tar'), byteCode, { sync: true });
      await writeAtomic(file(proof.key, 'json'), `${JSON.stringify(proof, null, 2)}\n`);
    },
    byteCode(key) {
      const path = file(key, 'tar');
      return existsSync(path) ? createReadStream(path) : undefined;
    },
  };
}

function parsed(text: string): ReinstallProof | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return schemaFault(value, ReinstallProof) === undefined ? (value as ReinstallProof) : undefined;
  } catch {
    return undefined;
  }
}
