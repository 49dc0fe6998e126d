/** How the learning rate goes over the steps of a run. */
export interface Schedule {
  readonly peak: number;
  readonly warmupSteps: number;
  /** `cosine`: to 0 after the last step. */
  readonly decay: 'constant' | 'cosine';
}

/**
 * Learning rate of a step, counted from 0, of `total` steps: (step + 1) / warm-up x peak while warming up, then the peak or
 * peak x (1 + cos(pi x share of the other steps that are done)) / 2. As `get_cosine_schedule_with_warmup` of transformers, but no step has the rate 0.
 */
export function learningRate(step: number, total: number, { peak, warmupSteps, decay }: Schedule): number {
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  if (decay === 'constant') return peak;
  const done = Math.min(1, (step - warmupSteps) / (total - warmupSteps));
  return (peak * (1 + Math.cos(Math.PI * done))) / 2;
}
