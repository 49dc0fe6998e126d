import { useEffect, useRef, useState } from 'preact/hooks';
import { count } from '../../../format.js';
import type { BlobRef, NamedLog } from '../../model.js';
import type { Source } from '../source.js';
import { Copy } from './copy.js';
import { type LogMark, lineAt, namesOf } from './log-lines.js';
import { type Found, type LoadedLog, useLog, useSearch } from './log-load.js';
import { LogWindow } from './log-window.js';
import { LongText } from './more.js';
import { Strange } from './strange.js';
import './log.css';

/** Of which run a log is. */
export const LOG_WORDS: Readonly<Record<NamedLog['name'], string>> = {
  test: 'Test log',
  restored: 'Log with the guarded paths as before the patch',
  inverted: 'Log with inverted tests',
};

/** What the reader looks for in a log; kept in the address. */
export interface LogPlace {
  /** From 1. */
  readonly line?: number;
  readonly find?: string;
  /** A test whose first mention is looked for. */
  readonly test?: string;
}

interface LogProps {
  readonly source: Source;
  readonly log: NamedLog;
  readonly place: LogPlace;
  /** Address of a place in this log. */
  readonly addressOf: (place: LogPlace) => string;
  /** Takes the reader to a place without a step in the history. */
  readonly go: (place: LogPlace) => void;
  /** Its first failure is what one wants to see. */
  readonly failed: boolean;
}

/** A log of any size, with places to jump to and a search. */
export function Log({ source, log: ref, place, addressOf, go, failed }: LogProps) {
  const loaded = useLog(source, ref);
  const { log, done } = loaded;
  const { line, find = '', test } = place;
  const wanted = !done ? [] : find !== '' ? [find] : test === undefined ? [] : namesOf(test);
  const found = useSearch(log, wanted);
  const [wrap, setWrap] = useState(() => matchMedia('(max-width: 48rem)').matches);
  const [whole, setWhole] = useState<number>();
  // Where the reader is already, a jump there changes no address.
  const [jumps, setJumps] = useState(0);
  const onJump = () => setJumps(jumps + 1);
  const marks = jumpsOf(log.marks);

  // Where the address names no line: the first mention of what is looked for, or the first failure.
  const [hit] = found.lines;
  const aim = wanted.length > 0 ? hit : failed && done ? marks.failure[0] : undefined;
  const current = line === undefined ? aim : line - 1;
  return (
    <div class="log">
      <Progress loaded={loaded} of={ref} />
      <div class="log-tools">
        <Search found={found} place={place} current={current} isReady={done} go={go} onJump={onJump} />
        <GoTo
          lines={log.lines}
          go={(to) => {
            go({ ...place, line: to });
            onJump();
          }}
        />
        <label>
          <input type="checkbox" checked={wrap} onChange={() => setWrap(!wrap)} /> wrap lines
        </label>
        <Download source={source} log={ref} />
        {done && ref.bytes <= MOST_COPIED && (
          <Copy text={log.blocks.map(({ text }) => text).join('')} label="Copy the log" />
        )}
      </div>
      <Jumps
        marks={marks}
        current={current ?? 0}
        addressOf={(to) => addressOf({ ...place, line: to + 1 })}
        onJump={onJump}
      />
      {test !== undefined && find === '' && done && found.done && (
        <p role="status">
          {hit === undefined ? 'The log does not name ' : `Line ${hit + 1} is the first to name `}
          <Strange text={found.text} />
          {hit !== undefined && found.text !== test && (
            <>
              {', of '}
              <Strange text={test} />
            </>
          )}
        </p>
      )}
      <LogWindow
        log={log}
        label={LOG_WORDS[ref.name]}
        wrap={wrap}
        line={current}
        jumps={jumps}
        find={wanted.length > 0 ? found.text : ''}
        addressOf={(to) => addressOf({ ...place, line: to + 1 })}
        onWhole={setWhole}
      />
      {whole !== undefined && (
        <section class="log-one">
          <h3>
            Line {whole + 1}{' '}
            <button type="button" onClick={() => setWhole(undefined)}>
              Close
            </button>
          </h3>
          <LongText key={whole} text={lineAt(log, whole)} />
        </section>
      )}
    </div>
  );
}

/** A clipboard is for less than a file. */
const MOST_COPIED = 4 * 1024 * 1024;

function Progress({
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

function Search({ found: { lines, done }, place, current = -1, isReady, go, onJump }: SearchProps) {
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

function GoTo({ lines, go }: { readonly lines: number; readonly go: (line: number) => void }) {
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
function jumpsOf(marks: readonly LogMark[]): Jumps {
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

function Jumps({ marks, current, addressOf, onJump }: JumpsProps) {
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

function Download({ source, log }: { readonly source: Source; readonly log: NamedLog }) {
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
