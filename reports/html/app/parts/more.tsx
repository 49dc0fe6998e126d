import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { count } from '../../../format.js';
import { visibleLines } from './visible.js';
import './more.css';

interface FoldProps {
  readonly summary: ComponentChildren;
  readonly open?: boolean;
  /** Made when it is first opened. */
  readonly children: () => ComponentChildren;
}

/** What most readers leave closed; it costs nothing until it is opened. */
export function Fold({ summary, open = false, children }: FoldProps) {
  const [isOpen, setOpen] = useState(open);
  return (
    <details class="fold" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {isOpen && children()}
    </details>
  );
}

interface MoreProps<T> {
  readonly items: readonly T[];
  /** How many are shown at first, and with each click. */
  readonly step: number;
  /** One of them, e.g. `test`. */
  readonly noun: string;
  readonly children: (shown: readonly T[]) => ComponentChildren;
}

/** A list that may be of thousands, some at a time. */
export function More<T>({ items, step, noun, children }: MoreProps<T>) {
  const [shown, setShown] = useState(step);
  const left = items.length - shown;
  return (
    <>
      {children(items.slice(0, shown))}
      {left > 0 && (
        <p class="more">
          <button type="button" onClick={() => setShown(shown + step)}>
            Show {left > step ? `${step} of ` : ''}
            {count(left, `more ${noun}`)}
          </button>
        </p>
      )}
    </>
  );
}

/** Characters of a line that are shown at first. */
const LINE = 2000;

/** A line of a stranger: its beginning where it is long. */
export function LongLine({ text }: { readonly text: string }) {
  const [isWhole, setWhole] = useState(false);
  if (isWhole || text.length <= LINE) return <>{visibleLines(text)}</>;
  return (
    <>
      {visibleLines(beginning(text, LINE, 1))}{' '}
      <button type="button" onClick={() => setWhole(true)}>
        all {text.length.toLocaleString('en')} characters
      </button>
    </>
  );
}

/** Of a text that are shown at first; each click shows as many times more. */
const FIRST = { chars: 4000, lines: 40 };
const TIMES = 16;

/** Text of a stranger in its lines: its beginning where it is long. */
export function LongText({ text }: { readonly text: string }) {
  const [times, setTimes] = useState(1);
  const shown = beginning(text, FIRST.chars * times, FIRST.lines * times);
  return (
    <>
      <pre class="long-text strange">{visibleLines(shown)}</pre>
      {shown.length < text.length && (
        <p class="more">
          <button type="button" onClick={() => setTimes(times * TIMES)}>
            Show more
          </button>{' '}
          {shown.length.toLocaleString('en')} of {text.length.toLocaleString('en')} characters are shown
        </p>
      )}
    </>
  );
}

/** At most so many characters and lines of a text, and no half of a character. */
export function beginning(text: string, chars: number, lines: number): string {
  let end = 0;
  for (let line = 0; line < lines; line++) {
    const next = text.indexOf('\n', end);
    if (next === -1 || next >= chars) {
      end = text.length;
      break;
    }
    end = next + 1;
  }
  return text.slice(0, Math.min(end, chars)).replace(/[\ud800-\udbff]$/, '');
}
