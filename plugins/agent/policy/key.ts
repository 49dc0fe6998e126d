/** Shorter keys are placeholders such as `EMPTY`: a model's text may hold them as words. */
const SECRET_LENGTH = 8;

export interface Redaction {
  /** What a server says for people. */
  words(said: string): string;
  /** What a model says. */
  text(said: string): string;
}

/** Takes the key out of whatever a server sends back. */
export function redaction(key: string | undefined): Redaction {
  if (key === undefined || key === '') return { words: (said) => said, text: (said) => said };
  const words = (said: string) => said.replaceAll(key, '[key]').replaceAll(encodeURIComponent(key), '[key]');
  return { words, text: key.length < SECRET_LENGTH ? (said) => said : words };
}
