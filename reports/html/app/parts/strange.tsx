import './strange.css';

/** Text of a stranger on a line: its direction stays its own, and what can't be seen is shown. */
export function Strange({ text }: { readonly text: string }) {
  return <bdi class="strange">{visible(text)}</bdi>;
}

/** Control characters as their pictures (U+2400 and on), invisible and directional ones by their number. */
export function visible(text: string): string {
  return text
    .replace(/[\u0000-\u001f]/g, (char) => String.fromCharCode(0x2400 + char.charCodeAt(0)))
    .replace(/\u007f/g, '\u2421')
    .replace(
      /[\u0080-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      (char) => `⟨U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
    );
}
