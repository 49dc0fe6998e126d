import type { ImageEnvironment } from '../model/eval-spec.js';
import { canonicalJson, sha256 } from '../util/hash.js';

/** Key of what an environment asks for, in hex: equal for equal recipes on any host, whatever the base image. */
export function environmentKey(environment: ImageEnvironment): string {
  return sha256(canonicalJson(environment));
}
