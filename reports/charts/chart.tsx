import type { ComponentChildren, VNode } from 'preact';
import { label, TITLE, wrap } from './text.js';

/** A chart of a page or a file, with the numbers that it shows. */
export interface Chart {
  /** Also the name of its file, without the ending. */
  readonly id: string;
  readonly title: string;
  /** In an image of so many units; text has the size of a page's at one pixel a unit. */
  readonly draw: (width: number) => VNode;
  readonly table: { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] };
}

/** What each chart is told: where it stands, and what it says in words. */
export interface Caption {
  /** Begins the ids of its patterns: another one for each chart of a page. */
  readonly id: string;
  readonly title: string;
  /** What a reader should take from it, in one or two sentences. */
  readonly message: string;
  readonly width: number;
}

interface FrameProps {
  readonly caption: Caption;
  /** Of what is drawn below the words. */
  readonly height: number;
  readonly children: ComponentChildren;
}

const TITLE_LINE = 17;
const LINE = 15;

/** The image: its title and its message as words above what is drawn. */
export function Frame({ caption, height, children }: FrameProps) {
  const { width } = caption;
  const [title, message] = [label(caption.title), label(caption.message)];
  const titles = wrap(title, width / TITLE);
  const lines = wrap(message, width);
  const below = titles.length * TITLE_LINE;
  const top = below + lines.length * LINE + 9;
  return (
    <svg
      xmlns="http://www.w3.org/2000/svg"
      class="chart"
      role="img"
      aria-label={`${title}. ${message}`}
      viewBox={`0 0 ${width} ${Math.ceil(top + height)}`}
      width={width}
      height={Math.ceil(top + height)}
    >
      <title>{title}</title>
      <desc>{message}</desc>
      {titles.map((line, index) => (
        <text key={index} class="c-title" y={(index + 1) * TITLE_LINE - 3}>
          {line}
        </text>
      ))}
      {lines.map((line, index) => (
        <text key={index} class="c-muted" y={below + (index + 1) * LINE - 2}>
          {line}
        </text>
      ))}
      <g transform={`translate(0 ${top})`}>{children}</g>
    </svg>
  );
}
