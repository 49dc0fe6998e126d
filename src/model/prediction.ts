import { type Static, Type } from 'typebox';

/** One model patch for one instance. `attempt` counts from 1 per instance (pass@k), in file order. */
export const Prediction = Type.Object({
  instanceId: Type.String(),
  model: Type.String(),
  attempt: Type.Integer({ minimum: 1 }),
  /** Exactly the text that was submitted; null where the submission had none. */
  patch: Type.Union([Type.String(), Type.Null()]),
  /** `--empty`: the tests run on the untouched tree, to see that they fail without a patch. */
  untouched: Type.Optional(Type.Boolean()),
  /** Set when the patch text can be told wrong without a container: the outcome is `invalid`. */
  defect: Type.Optional(Type.String()),
  /** What a reader should know of the text, as `code: words` (e.g. `fenced`); it is never changed. Shown in the verdict. */
  notes: Type.Array(Type.String()),
});
export type Prediction = Static<typeof Prediction>;
