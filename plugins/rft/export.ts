import { cut, type Message, type Trajectory } from '../../src/index.js';
import type { Sequence } from '../trainer/trainer.js';
import type { SelectionStep } from './select.js';

/** A message as OpenAI's and Together's fine-tuning take it: 0 keeps an assistant's message in the context, without a loss. */
export interface WeightedMessage extends Message {
  readonly weight?: 0 | 1;
}

/** An episode as a row of `messages.jsonl`. */
export interface MessagesRow {
  readonly messages: readonly WeightedMessage[];
  readonly instance_id: string;
  readonly episode_id: string;
  readonly model: string;
  readonly turns: number;
  readonly patch: string | null;
}

/** An episode with the prompt that is trained on, which may be another than it was sampled with; with the mask, turns without a command have the weight 0. */
export function messagesRow(
  { episode, turns, result }: Trajectory,
  { prompt, maskFormatErrors }: { readonly prompt: readonly Message[]; readonly maskFormatErrors: boolean },
): MessagesRow {
  const said = turns.flatMap(({ response, observation, formatError }, index): WeightedMessage[] => [
    { role: 'assistant', content: response, weight: maskFormatErrors && formatError !== undefined ? 0 : 1 },
    // What came after the last action taught nobody anything.
    ...(index === turns.length - 1 ? [] : [{ role: 'user' as const, content: observation }]),
  ]);
  return {
    messages: [...prompt, ...said],
    instance_id: episode.instanceId,
    episode_id: episode.episodeId,
    model: episode.model,
    turns: turns.length,
    patch: result?.patch ?? null,
  };
}

/** A turn as a row of `prompt-completion.jsonl`: what was said until then, and the answer that is learnt. */
export interface PromptCompletionRow {
  readonly prompt: readonly Message[];
  readonly completion: readonly Message[];
}

/** A row for each turn that has a loss. */
export function promptCompletionRows({ messages }: MessagesRow): readonly PromptCompletionRow[] {
  const plain = messages.map(({ role, content }) => ({ role, content }));
  return messages.flatMap(({ weight }, index) =>
    weight === 1 ? [{ prompt: plain.slice(0, index), completion: plain.slice(index, index + 1) }] : [],
  );
}

/** An episode as tokens, a row of `tokens.jsonl`: -100 where there is no loss. Nothing is tokenised anew. */
export function tokensRow({ tokens, weights }: Sequence): {
  readonly input_ids: readonly number[];
  readonly labels: readonly number[];
} {
  return {
    input_ids: tokens,
    labels: tokens.map((token, index) => ((weights[index] ?? 0) === 0 ? -100 : token)),
  };
}

/** What the card of an exported data set says. */
export interface CardFacts {
  readonly dataset: string;
  readonly datasetSha256: string;
  readonly datasetRevision: string;
  readonly model: string;
  readonly scaffold: string;
  /** As they were sampled, and as they are in the rows. */
  readonly prompts: {
    readonly sampled: 'with demonstration' | 'plain';
    readonly exported: 'with demonstration' | 'plain';
  };
  readonly temperature: number;
  readonly samples: number;
  readonly verdict: 'strict' | 'official';
  readonly graderVersion: string;
  readonly steps: readonly SelectionStep[];
  /** Turns in the rows, and those of them without a loss. */
  readonly turns: number;
  readonly maskedTurns: number;
  readonly instances: number;
  readonly files: readonly { readonly name: string; readonly rows: number; readonly sha256: string }[];
  /** ISO 8601. */
  readonly createdAt: string;
}

/** `README.md` beside the rows: from what they were made, what was left out at each step, and how others read them. */
export function datasetCard(facts: CardFacts): string {
  const { files, steps } = facts;
  const rows: readonly (readonly [string, string])[] = [
    ['source', `${facts.dataset} at ${facts.datasetRevision}, sha256 ${facts.datasetSha256}`],
    ['model', facts.model],
    ['scaffold', facts.scaffold],
    ['prompt', `sampled ${facts.prompts.sampled}, exported ${facts.prompts.exported}`],
    ['sampling', `${facts.samples} episodes of each problem, temperature ${facts.temperature}`],
    ['verdict', `${facts.verdict}, by tests that ran; grader ${facts.graderVersion}`],
    ['instances', String(facts.instances)],
    ['turns', `${facts.turns}, ${facts.maskedTurns} of them without a loss (no command could be taken)`],
    ['made', facts.createdAt],
  ];
  return `# Resolved episodes of ${oneLine(facts.model)}

| | |
|---|---|
${rows.map(([name, value]) => `| ${name} | ${oneLine(value)} |`).join('\n')}

## What was left out

| step | dropped | left |
|---|---|---|
${steps.map(({ words, dropped, left }) => `| ${oneLine(words)} | ${dropped} | ${left} |`).join('\n')}

## Files

| file | rows | sha256 |
|---|---|---|
${files.map(({ name, rows: count, sha256 }) => `| ${name} | ${count} | ${sha256} |`).join('\n')}

- \`messages.jsonl\`: a row for each episode. \`weight\` of an assistant's message is 1 where it has a loss and 0 where it is only context, as OpenAI's and Together's
  fine-tuning read it. TRL (\`SFTConfig(assistant_only_loss=True)\`) and verl (\`data.messages_key=messages\`, after \`pandas.read_json(..., lines=True).to_parquet(...)\`) take the same rows, but
  know no weights: they learn the masked turns, too.
- \`prompt-completion.jsonl\`: a row for each turn with a loss, for TRL (its default for such rows is a loss on the completion only). The mask is kept; earlier turns are
  computed once for each row.
- \`tokens.jsonl\`: \`input_ids\` and \`labels\`, -100 where there is no loss, for TRL's SFTTrainer and other users of transformers. The mask is kept, and ids are those that were sampled.
`;
}

/** Text of a stranger in a cell. */
const oneLine = (text: string) => cut(text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|'), 300);
