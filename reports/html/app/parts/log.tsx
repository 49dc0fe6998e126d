import { useState } from 'preact/hooks';
import type { NamedLog } from '../../model.js';
import type { Source } from '../source.js';
import { Copy } from './copy.js';
import { lineAt, namesOf } from './log-lines.js';
import { useLog, useSearch } from './log-load.js';
import { Download, GoTo, Jumps, jumpsOf, type LogPlace, Progress, Search } from './log-tools.js';
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
  const hit = found.lines.find((at) => at >= (marks.start[0] ?? 0)) ?? found.lines[0];
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
          {hit === undefined ? 'The log does not name ' : `Line ${hit + 1} is the first of the tests to say `}
          “
          <Strange text={found.text} />”
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
          <h2>
            Line {whole + 1}{' '}
            <button type="button" onClick={() => setWhole(undefined)}>
              Close
            </button>
          </h2>
          <LongText key={whole} text={lineAt(log, whole)} />
        </section>
      )}
    </div>
  );
}

/** A clipboard is for less than a file. */
const MOST_COPIED = 4 * 1024 * 1024;
