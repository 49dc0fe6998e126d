import type { RefObject, TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type LogText, lineAt, textPattern, withoutColours } from './log-lines.js';
import { visibleLines } from './visible.js';

/** Pixels of a line; log.css has the same. */
const LINE = 18;

/** Browsers end elements at about 33 million pixels; beyond this, lines pass faster than one scrolls. */
const TALLEST = 15_000_000;

/** Lines around those in view that are there already when one scrolls. */
const SPARE = 15;

/** Characters of a line; more are shown on request. */
const CUT = 2000;

interface WindowProps {
  readonly log: LogText;
  readonly label: string;
  readonly wrap: boolean;
  /** From 0; shown when it changes. */
  readonly line: number | undefined;
  /** Shown again when it changes. */
  readonly jumps: number;
  /** Marked where it stands. */
  readonly find: string;
  readonly addressOf: (line: number) => string;
  readonly onWhole: (line: number) => void;
}

/** The lines of a log in view, of as many as there are: the others are not in the page. */
export function LogWindow({ log, label, wrap, line, jumps, find, addressOf, onWhole }: WindowProps) {
  const scroller = useRef<HTMLElement>(null);
  const [top, setTop] = useState(0);
  const height = useHeight(scroller);
  const inView = Math.max(1, Math.floor(height / LINE));
  // The last line can be scrolled to the top, so that wrapped lines below can be seen.
  const tall = Math.min((log.lines + (wrap ? inView - 1 : 0)) * LINE, TALLEST);
  const last = Math.max(0, log.lines - (wrap ? 1 : inView));
  const perPixel = last === 0 ? 0 : last / Math.max(1, tall - height);
  const from = Math.max(0, top - (wrap ? 0 : SPARE));
  const to = Math.min(log.lines, top + inView + SPARE);

  function show(first: number): void {
    const wanted = Math.min(Math.max(first, 0), last);
    if (scroller.current === null || perPixel === 0) return;
    scroller.current.scrollTop = wanted / perPixel;
    setTop(wanted);
  }
  // While such a log is loaded, a place in it moves.
  useEffect(() => {
    if (tall === TALLEST) show(top);
  }, [log.lines]);
  useEffect(() => {
    if (line !== undefined && line < log.lines) show(line - Math.floor(inView / 4));
  }, [line, jumps, log.lines > (line ?? 0), height === 0]);

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>) => {
    if (event.target !== event.currentTarget || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = {
      ArrowUp: top - 1,
      ArrowDown: top + 1,
      PageUp: top - inView + 1,
      PageDown: top + inView - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  };
  const pattern = find === '' ? undefined : textPattern(find);
  return (
    <section
      ref={scroller}
      class={`log-window${wrap ? ' wrapped' : ''}`}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      onKeyDown={onKeyDown}
      onScroll={({ currentTarget }) => setTop(Math.min(last, Math.round(currentTarget.scrollTop * perPixel)))}
    >
      <div class="log-all" style={{ height: `${tall}px` }}>
        <div
          class="log-lines"
          style={{ top: `${perPixel === 0 ? 0 : top / perPixel - (top - from) * LINE}px` }}
        >
          {Array.from({ length: to - from }, (_, index) => from + index).map((number) => (
            <Line
              key={number}
              number={number}
              text={withoutColours(lineAt(log, number))}
              isCurrent={number === line}
              pattern={pattern}
              address={addressOf(number)}
              onWhole={onWhole}
            />
          ))}
        </div>
      </div>
    </section>
  );
}

interface LineProps {
  readonly number: number;
  readonly text: string;
  readonly isCurrent: boolean;
  readonly pattern: RegExp | undefined;
  readonly address: string;
  readonly onWhole: (line: number) => void;
}

function Line({ number, text, isCurrent, pattern, address, onWhole }: LineProps) {
  return (
    <div class={isCurrent ? 'log-line current' : 'log-line'} aria-current={isCurrent ? 'true' : undefined}>
      <a class="log-number" href={address} tabIndex={-1} aria-label={`Line ${number + 1}`}>
        {number + 1}
      </a>
      <span class="log-text">{marked(text.slice(0, CUT), pattern)}</span>
      {text.length > CUT && (
        <button type="button" class="log-whole" onClick={() => onWhole(number)}>
          all {text.length.toLocaleString('en')} characters
        </button>
      )}
    </div>
  );
}

/** A text with what was searched for marked in it. */
function marked(text: string, pattern: RegExp | undefined) {
  if (pattern === undefined) return visibleLines(text);
  const parts = [];
  let from = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    parts.push(visibleLines(text.slice(from, index)), <mark key={index}>{visibleLines(match)}</mark>);
    from = index + match.length;
  }
  parts.push(visibleLines(text.slice(from)));
  return parts;
}

/** Inner height of an element in pixels, as it changes; 0 until it is there. */
function useHeight(ref: RefObject<HTMLElement | null>): number {
  const [height, setHeight] = useState(0);
  useEffect(() => {
    if (ref.current === null) return;
    const observer = new ResizeObserver(([entry]) => setHeight(entry?.contentRect.height ?? 0));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [ref]);
  return height;
}
