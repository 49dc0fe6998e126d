import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { datasetCard, messagesRow, promptCompletionRows, tokensRow } from '../../plugins/rft/export.js';
import { exportEpisodes } from '../../plugins/rft/export-files.js';
import { sha256, type Trajectory, type Turn } from '../../src/index.js';

const turn = (index: number, response: string, observation: string, isBad = false) =>
  ({
    index,
    response,
    command: isBad ? null : 'c',
    ...(isBad ? { formatError: 'no_command' } : {}),
    observation,
  }) as unknown as Turn;

const TRAJECTORY = {
  episode: {
    episodeId: 'a#1',
    instanceId: 'a',
    model: 'm',
    prompt: [{ role: 'system', content: 'with the demonstration' }],
  },
  turns: [turn(1, 'r1', 'o1'), turn(2, 'r2', 'o2', true), turn(3, 'r3', '')],
  result: { patch: 'diff' },
} as unknown as Trajectory;
const PROMPT = [
  { role: 'system', content: 'plain' },
  { role: 'user', content: 'task' },
] as const;

describe('an exported episode', () => {
  const row = messagesRow(TRAJECTORY, { prompt: PROMPT, maskFormatErrors: true });

  it('has the prompt that is trained on, and the weight 0 where no command could be taken', () => {
    expect(row).toEqual({
      messages: [
        { role: 'system', content: 'plain' },
        { role: 'user', content: 'task' },
        { role: 'assistant', content: 'r1', weight: 1 },
        { role: 'user', content: 'o1' },
        { role: 'assistant', content: 'r2', weight: 0 },
        { role: 'user', content: 'o2' },
        { role: 'assistant', content: 'r3', weight: 1 },
      ],
      instance_id: 'a',
      episode_id: 'a#1',
      model: 'm',
      turns: 3,
      patch: 'diff',
    });
  });

  it('has a loss on all turns where nothing is masked', () => {
    const { messages } = messagesRow(TRAJECTORY, { prompt: PROMPT, maskFormatErrors: false });
    expect(messages.flatMap(({ weight }) => weight ?? [])).toEqual([1, 1, 1]);
  });

  it('is a prompt and a completion for each turn with a loss, with all that was said before', () => {
    const rows = promptCompletionRows(row);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual({
      prompt: PROMPT,
      completion: [{ role: 'assistant', content: 'r1' }],
    });
    expect(rows[1]?.prompt).toHaveLength(6);
    expect(rows[1]?.prompt.at(-2)).toEqual({ role: 'assistant', content: 'r2' });
    expect(rows[1]?.completion).toEqual([{ role: 'assistant', content: 'r3' }]);
  });

  it('is tokens with labels where there is a loss', () => {
    expect(tokensRow({ tokens: [5, 6, 7, 8], weights: [0, 1, 0, 1] })).toEqual({
      input_ids: [5, 6, 7, 8],
      labels: [-100, 6, -100, 8],
    });
  });
});

const FACTS = {
  dataset: 'swe-rebench',
  datasetSha256: 'ab12',
  datasetRevision: 'v1',
  model: 'a|b\nc',
  scaffold: 'tools@1',
  prompts: { sampled: 'with demonstration', exported: 'plain' },
  temperature: 1,
  samples: 10,
  verdict: 'strict',
  graderVersion: 'g1',
  steps: [
    { name: 'played', words: 'episodes played', dropped: 0, left: 72490 },
    { name: 'unresolved', words: 'not resolved', dropped: 65942, left: 6548 },
  ],
  createdAt: '2026-01-01T00:00:00Z',
} as const;

it('the card says what was left out at each step, and from what the rows were made', () => {
  const card = datasetCard({
    ...FACTS,
    turns: 100,
    maskedTurns: 7,
    instances: 50,
    files: [{ name: 'messages.jsonl', rows: 6548, sha256: 'cd34' }],
  });
  expect(card).toContain('# Resolved episodes of a\\|b c\n');
  expect(card).toContain('| source | swe-rebench at v1, sha256 ab12 |');
  expect(card).toContain('| episodes played | 0 | 72490 |\n| not resolved | 65942 | 6548 |');
  expect(card).toContain('| messages.jsonl | 6548 | cd34 |');
  expect(card).toContain('sampled with demonstration, exported plain');
  expect(card).toContain('100, 7 of them without a loss');
});

describe('an export', () => {
  async function* episodes(...all: readonly Trajectory[]) {
    yield* all;
  }
  const exportTo = (folder: string, ...all: readonly Trajectory[]) =>
    exportEpisodes({
      folder,
      episodes: episodes(...all),
      formats: ['messages', 'prompt-completion', 'tokens'],
      promptOf: () => PROMPT,
      maskFormatErrors: true,
      sequenceOf: async () => ({ tokens: [1, 2], weights: [0, 1] }),
      facts: FACTS,
    });

  it('is a file of each format and a card with their hashes; another one replaces it', async () => {
    const root = await mkdtemp(join(tmpdir(), 'export-'));
    try {
      const folder = join(root, 'dataset');
      const card = await exportTo(folder, TRAJECTORY, TRAJECTORY);
      expect(card).toMatchObject({ turns: 6, maskedTurns: 2, instances: 1 });
      expect(card.files.map(({ name, rows }) => [name, rows])).toEqual([
        ['messages.jsonl', 2],
        ['prompt-completion.jsonl', 4],
        ['tokens.jsonl', 2],
      ]);
      const text = await readFile(join(folder, 'README.md'), 'utf8');
      for (const { name, sha256: digest } of card.files) {
        expect(sha256(await readFile(join(folder, name)))).toBe(digest);
        expect(text).toContain(digest);
      }
      expect((await exportTo(folder, TRAJECTORY)).files[0]?.rows).toBe(1);
      expect(await readdir(root)).toEqual(['dataset']);
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('that fails leaves the one before it as it was', async () => {
    const root = await mkdtemp(join(tmpdir(), 'export-'));
    try {
      const folder = join(root, 'dataset');
      await exportTo(folder, TRAJECTORY);
      const broken = { ...TRAJECTORY, turns: undefined } as unknown as Trajectory;
      await expect(exportTo(folder, broken)).rejects.toThrow();
      expect((await readFile(join(folder, 'messages.jsonl'), 'utf8')).split('\n')).toHaveLength(2);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
