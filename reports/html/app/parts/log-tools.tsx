import { useEffect, useRef, useState } from 'preact/hooks';
import { count } from '../../../format.js';
import type { BlobRef, NamedLog } from '../../model.js';
import type { Source } from '../source.js';
import type { LogMark } from './log-lines.js';
import type { Found, LoadedLog } from './log-load.js';

/** What the reader looks for in a log; kept in the address. */
export interface LogPlace {
  /** From 1. */
  readonly line?: number;
  readonly find?: string;
  /** A test whose first mention is looked for. */
  readonly test?: string;
}

export function Progress({
  loaded: { bytes, done, failure, log },
  of,
}: {
  readonly loaded: LoadedLog;
  readonly of: BlobRef;
}) {
  if (failure !== undefined) return <p role="alert">The log can't be shown to its end: {failure}</p>;
  return (
    <p class="log-size" role="status">
      {done ? (
        `${count(log.lines, 'line')}, ${sizeOf(bytes)}`
      ) : (
        <>
          <progress aria-label="Loading the log" {...(of.bytes > 0 ? { max: of.bytes, value: bytes } : {})} />{' '}
          loading: {sizeOf(bytes)}
          {of.bytes > 0 && ` of ${sizeOf(of.bytes)}`}
        </>
      )}
    </p>
  );
}

interface SearchProps {
  readonly found: Found;
  readonly place: LogPlace;
  /** From 0. */
  readonly current: number | undefined;
  readonly isReady: boolean;
  readonly go: (place: LogPlace) => void;
  readonly onJump: () => void;
}

/** Until the reader stops typing. */
const TYPING_MS = 200;

export function Search({ found: { lines, done }, place, current = -1, isReady, go, onJump }: SearchProps) {
  const { find = '' } = place;
  const [typed, setTyped] = useState(find);
  const sent = useRef(find);
  const send = () => {
    sent.current = typed;
    go({ find: typed });
  };
  // What the address says anew, others have said: the reader's own words may be longer by now.
  useEffect(() => {
    if (find !== sent.current) setTyped(find);
    sent.current = find;
  }, [find]);
  useEffect(() => {
    if (typed === sent.current) return;
    const timer = setTimeout(send, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const position = lines.indexOf(current) + 1;
  const previous = lines.findLast((line) => line < current) ?? lines.at(-1);
  const next = lines.find((line) => line > current) ?? lines[0];
  const step = (to: number | undefined) => {
    if (to !== undefined) go({ ...place, line: to + 1 });
    onJump();
  };
  const isIdle = find === '' && lines.length === 0;
  return (
    <search>
      <form
        class="log-search"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === find) step(next);
          else send();
        }}
      >
        <label>
          Search{' '}
          <input type="search" value={typed} onInput={({ currentTarget }) => setTyped(currentTarget.value)} />
        </label>
        <button type="button" disabled={lines.length === 0} onClick={() => step(previous)}>
          Previous
        </button>
        <button type="submit" disabled={isIdle && typed === find}>
          Next
        </button>
        <span role="status" class="log-count">
          {isIdle
            ? ''
            : !isReady
              ? 'once it is loaded'
              : `${position > 0 ? `${position} of ` : ''}${count(lines.length, 'line')}${done ? '' : ' so far'}`}
        </span>
      </form>
    </search>
  );
}

export function GoTo({ lines, go }: { readonly lines: number; readonly go: (line: number) => void }) {
  return (
    <form
      class="log-goto"
      onSubmit={(event) => {
        event.preventDefault();
        const line = Number(new FormData(event.currentTarget).get('line'));
        if (Number.isSafeInteger(line) && line > 0) go(Math.min(line, lines));
      }}
    >
      <label>
        Line <input type="number" name="line" min={1} max={Math.max(1, lines)} />
      </label>
      <button type="submit">Go</button>
    </form>
  );
}

type Jumps = Readonly<Record<LogMark['kind'], readonly number[]>>;

/** Places by kind; failures before the tests are none of the tests. */
export function jumpsOf(marks: readonly LogMark[]): Jumps {
  const start = marks.find(({ kind }) => kind === 'start')?.line ?? -1;
  const of = (kind: LogMark['kind']) =>
    marks.filter((mark) => mark.kind === kind && mark.line >= start).map(({ line }) => line);
  return {
    start: of('start').slice(0, 1),
    failure: of('failure'),
    traceback: of('traceback'),
    end: of('end').slice(-1),
  };
}

const JUMP_WORDS: Readonly<Record<LogMark['kind'], string>> = {
  start: 'start of the tests',
  failure: 'first failure',
  traceback: 'first traceback',
  end: 'end of the tests',
};

interface JumpsProps {
  readonly marks: Jumps;
  readonly current: number;
  readonly addressOf: (line: number) => string;
  readonly onJump: () => void;
}

export function Jumps({ marks, current, addressOf, onJump }: JumpsProps) {
  const kinds = (Object.keys(JUMP_WORDS) as LogMark['kind'][]).filter((kind) => marks[kind].length > 0);
  if (kinds.length === 0) return null;
  return (
    <nav class="log-jumps" aria-label="Places in the log">
      {kinds.map((kind) => {
        const [first] = marks[kind] as readonly [number];
        const next = marks[kind].find((line) => line > current);
        return (
          <span key={kind}>
            <a href={addressOf(first)} onClick={onJump}>
              {JUMP_WORDS[kind]}: {first + 1}
            </a>
            {marks[kind].length > 1 && next !== undefined && (
              <a href={addressOf(next)} onClick={onJump} aria-label={`next ${kind}`}>
                next of {marks[kind].length}
              </a>
            )}
          </span>
        );
      })}
    </nav>
  );
}

export function Download({ source, log }: { readonly source: Source; readonly log: NamedLog }) {
  const save = async () => {
    const address = URL.createObjectURL(await new Response(await source.blob(log)).blob());
    const link = document.createElement('a');
    link.href = address;
    link.download = `${log.name}.log`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  };
  return (
    <button type="button" onClick={() => void save()}>
      Download
    </button>
  );
}

/** `812 B`, `3.2 MB`. */
function sizeOf(bytes: number): string {
  const [unit = 'B', size = 1] =
    (
      [
        ['MB', 1e6],
        ['kB', 1e3],
      ] as const
    ).find(([, least]) => bytes >= least) ?? [];
  return `${size === 1 ? bytes : (bytes / size).toFixed(1)} ${unit}`;
}
