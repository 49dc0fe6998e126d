import { useEffect, useState } from 'preact/hooks';
import type { BlobRef } from '../../model.js';
import type { Source } from '../source.js';
import { type LogText, logBuilder, matchingLines, textPattern } from './log-lines.js';

export interface LoadedLog {
  readonly log: LogText;
  /** Bytes that have been unpacked. */
  readonly bytes: number;
  readonly done: boolean;
  readonly failure?: string;
}

const NOTHING: LoadedLog = { log: { lines: 0, blocks: [], marks: [] }, bytes: 0, done: false };

/** Between two pauses, in which the page answers to its reader: a few milliseconds' work. */
const BYTES = 512 * 1024;
const CHARS = 2 * 1024 * 1024;

/** The browser's turn. */
const pause = () => new Promise((resolve) => setTimeout(resolve));

/** A log as far as it has been read. */
export function useLog(source: Source, ref: BlobRef): LoadedLog {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    let isCurrent = true;
    setState(NOTHING);
    const read = async () => {
      const builder = logBuilder();
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      const reader = (await source.blob(ref)).getReader();
      let bytes = 0;
      let shown = 0;
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        if (!isCurrent) return reader.cancel();
        builder.push(decoder.decode(part.value, { stream: true }));
        bytes += part.value.length;
        if (bytes - shown < BYTES) continue;
        shown = bytes;
        setState({ log: builder.text(), bytes, done: false });
        await pause();
      }
      builder.push(decoder.decode());
      builder.end();
      if (isCurrent) setState({ log: builder.text(), bytes, done: true });
    };
    read().catch((error: Error) => {
      if (isCurrent) setState((before) => ({ ...before, failure: error.message }));
    });
    return () => {
      isCurrent = false;
    };
  }, [source, ref.key]);
  return state;
}

export interface Found {
  /** The first of the texts that a line has. */
  readonly text: string;
  readonly lines: readonly number[];
  readonly done: boolean;
}

/** Lines of a log with a text: with the first of `texts` that any has. They grow while it is searched; none for an empty list. */
export function useSearch(log: LogText, texts: readonly string[]): Found {
  const [first = ''] = texts;
  const [state, setState] = useState<Found & { readonly of?: string }>({
    text: first,
    lines: [],
    done: true,
  });
  const wanted = texts.join('\n');
  useEffect(() => {
    let isCurrent = true;
    const search = async () => {
      for (const text of texts) {
        const pattern = textPattern(text);
        const lines: number[] = [];
        let chars = 0;
        for (const block of log.blocks) {
          for (const line of matchingLines(block, pattern)) lines.push(line);
          chars += block.text.length;
          if (chars < CHARS) continue;
          chars = 0;
          if (lines.length > 0) setState({ of: wanted, text, lines: [...lines], done: false });
          await pause();
          if (!isCurrent) return;
        }
        if (lines.length > 0) return setState({ of: wanted, text, lines, done: true });
      }
      setState({ of: wanted, text: first, lines: [], done: true });
    };
    if (wanted !== '') void search();
    return () => {
      isCurrent = false;
    };
  }, [log, wanted]);
  if (wanted === '') return { text: '', lines: [], done: true };
  return state.of === wanted ? state : { text: first, lines: [], done: false };
}
