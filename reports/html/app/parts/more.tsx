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

/** Characters of a text that are shown at first; each click shows as many times more. */
const FIRST = 4000;
const TIMES = 16;

/** Text of a stranger in its lines: its beginning where it is long. */
export function LongText({ text }: { readonly text: string }) {
  const [limit, setLimit] = useState(FIRST);
  return (
    <>
      <pre class="long-text strange">{visibleLines(text.slice(0, limit))}</pre>
      {limit < text.length && (
        <p class="more">
          <button type="button" onClick={() => setLimit(limit * TIMES)}>
            Show more
          </button>{' '}
          {limit.toLocaleString('en')} of {text.length.toLocaleString('en')} characters are shown
        </p>
      )}
    </>
  );
}
