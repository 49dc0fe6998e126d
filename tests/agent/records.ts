import type { Decoding, Episode, EpisodeResult, Trajectory, Turn } from '../../src/index.js';

export const decoding: Decoding = {
  temperature: 1,
  topP: 1,
  topK: -1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  maxTokens: 4096,
};

export function episode(more: Partial<Episode> = {}): Episode {
  const { instanceId = 'owner__name-1', sample = 1 } = more;
  return {
    schemaVersion: 1,
    episodeId: `${instanceId}#${sample}`,
    instanceId,
    sample,
    model: 'a-model',
    scaffold: 'tools@1',
    demonstration: false,
    mode: 'chat',
    purpose: 'eval',
    rowHash: 'f00d',
    prompt: [
      { role: 'system', content: 'You fix bugs.' },
      { role: 'user', content: 'It is broken.' },
    ],
    limits: {
      turns: 40,
      contextTokens: 65_536,
      commandSeconds: 60,
      episodeSeconds: 3600,
      observationChars: 20_000,
      gradeUnsubmitted: true,
    },
    startedAt: '2026-01-02T03:04:05.678Z',
    ...more,
  };
}

export function turn(index: number, more: Partial<Turn> = {}): Turn {
  return {
    index,
    response: `I look.\n\n\`\`\`command\nls ${index}\n\`\`\``,
    command: `ls ${index}`,
    observation: `a.py\n(cwd: /testbed)`,
    exitCode: 0,
    finishReason: 'stop',
    decoding,
    confirmed: null,
    usage: { promptTokens: 100 * index, completionTokens: 10 },
    seconds: { policy: 1.5, command: 0.25 },
    ...more,
  };
}

export function result(turns: number, more: Partial<EpisodeResult> = {}): EpisodeResult {
  return {
    end: 'submitted',
    patch: 'diff --git a/a.py b/a.py\n',
    turns,
    usage: { promptTokens: 300, completionTokens: 20 },
    seconds: 12.5,
    finishedAt: '2026-01-02T03:05:05.678Z',
    ...more,
  };
}

export function trajectory(more: Partial<Episode> = {}, turns = 2): Trajectory {
  return {
    episode: episode(more),
    turns: Array.from({ length: turns }, (_, i) => turn(i + 1)),
    result: result(turns),
  };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
