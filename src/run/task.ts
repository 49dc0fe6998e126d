import type { EvalSpec } from '../model/eval-spec.js';
import type { GradingProfile } from '../model/grading.js';
import type { Prediction } from '../model/prediction.js';
import type { ScoreRequest } from '../model/score.js';
import type { Job } from '../run-instance.js';
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
  /** The patch as a run has read it; absent: made of what was asked. */
  readonly prediction?: Prediction;
  /** Time for the tests, where it isn't the grader's own. */
  readonly testSeconds?: number;
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
  return { key: taskKey({ patch, spec, profile, strict }), asked, spec, profile, strict };
}

/** The task of an attempt of a run. */
export function taskOfJob(
  { spec, profile, prediction }: Job,
  strict: boolean,
): Task & { readonly prediction: Prediction } {
  const { patch } = prediction;
  const asked = { instance_id: spec.instanceId, patch, strict, profile: profile.name };
  return { key: taskKey({ patch, spec, profile, strict }), asked, spec, profile, strict, prediction };
}

function taskKey({
  patch,
  spec,
  profile,
  strict,
}: Pick<Task, 'spec' | 'profile' | 'strict'> & Pick<Asked, 'patch'>) {
  return sha256(
    canonicalJson({
      patchSha256: sha256(patch ?? ''),
      hasPatch: patch !== null,
      rowHash: spec.rowHash,
      profile: profile.name,
      graderVersion: profile.graderVersion,
      strict,
    }),
  );
}
