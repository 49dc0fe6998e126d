import { oneLine } from '../format.js';

/** Size of nearly all text in charts, in units of the image. */
export const FONT_SIZE = 12;

/** A name as it may stand in an image: on one line, and of characters that XML has. */
export function label(text: string): string {
  return oneLine(text).replace(/[\ud800-\udfff\ufffe\uffff]/gu, '\ufffd');
}

/** How much wider bold text is, and a title, which is bold and larger. */
export const BOLD = 1.1;
export const TITLE = 1.32;

/** About how wide text is: fonts differ, so it errs to the wide side. */
export function textWidth(text: string): number {
  let ems = 0;
  for (const char of text) ems += (char.codePointAt(0) ?? 0) >= 0x1100 ? 1 : WIDE.has(char) ? 0.9 : 0.56;
  return ems * FONT_SIZE;
}

const WIDE = new Set('mwMWGOQ@%…—');

/** Text that fits into a width, cut at its end if need be. */
export function cutTo(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const chars = [...text.slice(0, LONGEST)];
  while (chars.length > 1 && textWidth(`${chars.join('')}…`) > width) chars.pop();
  return `${chars.join('')}…`;
}

/** No image is as wide as that. */
const LONGEST = 400;

/** Text in lines of a width, broken at spaces; a word that is longer is cut. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(cutTo(word, width));
  }
  return lines;
}
