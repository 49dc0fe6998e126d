import type { EvalSpec } from '../model/eval-spec.js';
import type { GradingProfile } from '../model/grading.js';
import type { ScoreRequest } from '../model/score.js';
import { canonicalJson, sha256 } from '../util/hash.js';

/** Of a request, what decides its verdict. */
export type Asked = Pick<ScoreRequest, 'instance_id' | 'instance' | 'patch' | 'profile' | 'strict'>;

/** A verdict to be found. */
export interface Task {
  readonly key: string;
  readonly asked: Asked;
  readonly spec: EvalSpec;
  readonly profile: GradingProfile;
  /** Find the strict verdict, too. */
  readonly strict: boolean;
}

/** The instances that the service knows, by which a request becomes a task. */
export interface Catalogue {
  /** Throws `unknown_instance`, `bad_request`, `bad_dataset` or `unsupported_row`. */
  find(asked: Pick<Asked, 'instance_id' | 'instance' | 'profile'>): {
    readonly spec: EvalSpec;
    readonly profile: GradingProfile;
  };
}

/** The task of a request. Two requests with one key have one verdict, as long as the instance's image is the same. */
export function taskOf(catalogue: Catalogue, request: ScoreRequest): Task {
  const { instance_id, instance, patch, strict = true } = request;
  const { spec, profile } = catalogue.find(request);
  const asked = {
    ...(instance_id === undefined ? {} : { instance_id }),
    ...(instance === undefined ? {} : { instance }),
    ...{ patch, strict, profile: profile.name },
  };
  const key = sha256(
    canonicalJson({
      patchSha256: sha256(patch ?? ''),
      hasPatch: patch !== null,
      rowHash: spec.rowHash,
      profile: profile.name,
      graderVersion: profile.graderVersion,
      strict,
    }),
  );
  return { key, asked, spec, profile, strict };
}
