import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Message, Trajectory } from '../../src/index.js';
import type { Sequence } from '../trainer/trainer.js';
import { type CardFacts, datasetCard, messagesRow, promptCompletionRows, tokensRow } from './export.js';

export type ExportFormat = 'messages' | 'prompt-completion' | 'tokens';

/** What is counted while writing. */
type Counted = 'turns' | 'maskedTurns' | 'instances' | 'files';

interface ExportOptions {
  readonly folder: string;
  /** Each is read, written and forgotten. */
  readonly episodes: AsyncIterable<Trajectory>;
  readonly formats: readonly ExportFormat[];
  readonly promptOf: (instanceId: string) => readonly Message[];
  readonly maskFormatErrors: boolean;
  /** As it is trained on; for `tokens`. */
  readonly sequenceOf: (trajectory: Trajectory) => Promise<Sequence>;
  readonly facts: Omit<CardFacts, Counted>;
}

/** Writes episodes for other trainers, with a card; the folder is whole or not there, and one that was there is replaced. Resolves with what the card says. */
export async function exportEpisodes(options: ExportOptions): Promise<CardFacts> {
  const { folder, episodes, formats, promptOf, maskFormatErrors, sequenceOf, facts } = options;
  const fresh = `${folder}.writing`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const files = await Promise.all(formats.map((format) => startFile(fresh, `${format}.jsonl`)));
  const instances = new Set<string>();
  let turns = 0;
  let maskedTurns = 0;
  try {
    for await (const trajectory of episodes) {
      const { instanceId } = trajectory.episode;
      const row = messagesRow(trajectory, { prompt: promptOf(instanceId), maskFormatErrors });
      instances.add(instanceId);
      turns += trajectory.turns.length;
      maskedTurns += row.messages.filter(({ weight }) => weight === 0).length;
      for (const [index, format] of formats.entries())
        await files[index]?.append(
          format === 'messages'
            ? [row]
            : format === 'tokens'
              ? [tokensRow(await sequenceOf(trajectory))]
              : promptCompletionRows(row),
        );
    }
  } finally {
    await Promise.all(files.map(({ close }) => close()));
  }
  const card = {
    ...{ ...facts, turns, maskedTurns, instances: instances.size },
    files: files.map(({ done }) => done()),
  };
  await writeFile(join(fresh, 'README.md'), datasetCard(card));
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  return card;
}

async function startFile(folder: string, name: string) {
  const file = await open(join(folder, name), 'w');
  const hash = createHash('sha256');
  let rows = 0;
  return {
    async append(added: readonly object[]): Promise<void> {
      const text = added.map((one) => `${JSON.stringify(one)}\n`).join('');
      rows += added.length;
      hash.update(text);
      await file.writeFile(text);
    },
    async close(): Promise<void> {
      await file.sync();
      await file.close();
    },
    done: () => ({ name, rows, sha256: hash.digest('hex') }),
  };
}
