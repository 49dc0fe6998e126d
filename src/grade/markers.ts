import type { MarkerRules } from './rules.js';

/** What the markers of a log say. */
export interface Markers {
  /** Reason of a bad marker, if there is one. */
  readonly bad?: string;
  /** Bounds of the text between the first start marker and the next marker; absent when either kind is missing. */
  readonly section?: readonly [number, number];
  /** The first exit code in the log, as text. */
  readonly exitCode?: string;
}

/** Reads all markers of a log in one pass over it. */
export function readMarkers(log: string, rules: MarkerRules): Markers {
  const prefix = commonPrefix([rules.start, rules.end, ...rules.bad.map((bad) => bad.text)]);
  let begin = -1;
  let until = -1;
  let ended = false;
  let exitCode: string | undefined;
  for (let at = log.indexOf(prefix); at !== -1; at = log.indexOf(prefix, at + 1)) {
    const isStart = log.startsWith(rules.start, at);
    const isEnd = !isStart && log.startsWith(rules.end, at);
    if (begin !== -1 && until === -1 && at >= begin && (isStart || isEnd)) until = at;
    if (isStart && begin === -1) begin = at + rules.start.length;
    if (isEnd) ended = true;
    if (isStart || isEnd) continue;
    for (const bad of rules.bad) if (log.startsWith(bad.text, at)) return { bad: bad.reason };
    exitCode ??= matchAt(rules.exitCode, log, at);
  }
  const section = begin !== -1 && ended ? ([begin, until === -1 ? log.length : until] as const) : undefined;
  return { ...(section && { section }), ...(exitCode !== undefined && { exitCode }) };
}

function matchAt(sticky: RegExp | undefined, text: string, at: number): string | undefined {
  if (sticky === undefined) return undefined;
  sticky.lastIndex = at;
  return sticky.exec(text)?.[1];
}

function commonPrefix(texts: readonly string[]): string {
  const [first = ''] = texts;
  let length = first.length;
  for (const text of texts) while (!text.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}
