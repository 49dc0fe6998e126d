import type { Trajectory, Turn } from '../../src/index.js';

export const DECODING: Turn['decoding'] = {
  ...{ temperature: 1, topP: 1, topK: -1, minP: 0, repetitionPenalty: 1 },
  ...{ presencePenalty: 0, frequencyPenalty: 0, maxTokens: 10 },
};

/** The head of a made-up episode of an instance. */
export function episodeOf(
  instanceId: string,
  fields: Pick<Trajectory['episode'], 'model' | 'scaffold' | 'prompt' | 'limits'>,
): Trajectory['episode'] {
  return {
    ...{ schemaVersion: 1, episodeId: `${instanceId}#1`, instanceId, sample: 1, demonstration: false },
    ...{ mode: 'chat', purpose: 'eval', rowHash: 'r', startedAt: '', ...fields },
  };
}
