import type { Message } from '../../src/index.js';

/** Ids below 10 are special, then come the 256 bytes, then pairs of them. */
const START = 1;
export const END = 2;
const BYTE = 10;
const PAIR = 1000;

/**
 * Ids as a tokenizer makes them of text: two small letters become one. A model samples single bytes (`spelled`), so that its text
 * tokenised again gives other ids, as happens with real ones.
 */
export function encoded(text: string): number[] {
  const ids: number[] = [];
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i++) {
    const [first, second] = [bytes[i] as number, bytes[i + 1] ?? 0];
    if (isSmallLetter(first) && isSmallLetter(second)) {
      ids.push(PAIR + first * 256 + second);
      i++;
    } else ids.push(BYTE + first);
  }
  return ids;
}

const isSmallLetter = (byte: number) => byte >= 0x61 && byte <= 0x7a;

/** Ids as the model samples a text. */
export function spelled(text: string): number[] {
  return [...Buffer.from(text)].map((byte) => BYTE + byte);
}

/** Ids of a conversation in the template `<start>role⏎content<end>⏎`. */
export function templated(messages: readonly Message[], addGenerationPrompt: boolean): number[] {
  const ids = messages.flatMap(({ role, content }) => [
    START,
    ...encoded(`${role}\n${content}`),
    END,
    ...encoded('\n'),
  ]);
  return addGenerationPrompt ? [...ids, START, ...encoded('assistant\n')] : ids;
}

/** The text of ids, special ones left out. */
export function decoded(ids: readonly number[]): string {
  return Buffer.from(
    ids.flatMap((id) => {
      if (id >= PAIR) return [(id - PAIR) >> 8, (id - PAIR) & 255];
      return id >= BYTE ? [id - BYTE] : [];
    }),
  ).toString();
}

/** The conversation that a prompt of ids holds; the generation prompt at its end is none of its messages. */
export function messagesOf(ids: readonly number[]): Message[] {
  const messages: Message[] = [];
  let at = ids.indexOf(START);
  while (at !== -1) {
    const end = ids.indexOf(END, at);
    if (end === -1) break;
    const text = decoded(ids.slice(at + 1, end));
    const line = text.indexOf('\n');
    messages.push({ role: text.slice(0, line) as Message['role'], content: text.slice(line + 1) });
    at = ids.indexOf(START, end);
  }
  return messages;
}
