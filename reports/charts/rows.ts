import { cutTo, label, textWidth } from './text.js';

/** A name, what is drawn, and numbers: side by side where there is room, else what is drawn below the other two. */
export interface RowLayout {
  readonly rowHeight: number;
  /** Where drawing begins and ends. */
  readonly left: number;
  readonly right: number;
  /** The middle of what is drawn of a row, from its top, and the base line of its words. */
  readonly middle: number;
  readonly baseline: number;
  readonly nameOf: (name: string) => string;
}

interface Options {
  readonly width: number;
  readonly names: readonly string[];
  readonly numbers: readonly string[];
}

const GAP = 12;
/** Room for half of the numbers at both ends of an axis. */
const MARGIN = 16;
/** What is drawn gets this much room beside the words, or a line of its own. */
const LEAST = 240;

/** How rows of a chart share its width. */
export function rowLayout({ width, names, numbers }: Options): RowLayout {
  const widest = (texts: readonly string[]) =>
    Math.ceil(texts.reduce((most, text) => Math.max(most, textWidth(text)), 0));
  const numbersWidth = widest(numbers);
  const namesWidth = Math.min(widest(names.map(label)), Math.ceil(width * 0.3));
  const nameOf = (room: number) => (name: string) => cutTo(label(name), room);
  const [left, right] = [namesWidth + GAP, width - numbersWidth - GAP];
  if (right - left < LEAST)
    return {
      ...{ rowHeight: 40, left: MARGIN, right: width - MARGIN, middle: 28, baseline: 14 },
      nameOf: nameOf(width - numbersWidth - GAP),
    };
  return { rowHeight: 24, left, right: right - MARGIN, middle: 12, baseline: 16, nameOf: nameOf(namesWidth) };
}
