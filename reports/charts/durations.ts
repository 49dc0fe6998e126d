import { duration } from '../format.js';
import type { Bins } from './histogram.js';

const MINUTE = 60;
const HOUR = 3600;

/** Edges of the bins in seconds: each about twice the one before, and a number that people say. */
const EDGES: readonly number[] = [
  ...[0.03, 0.06, 0.125, 0.25, 0.5, 1, 2, 4, 8, 15, 30],
  ...[1, 2, 4, 8, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 4, 8, 16, 32].map((hours) => hours * HOUR),
];

/** Durations in seconds as bins of a logarithmic axis, from the shortest to the longest; those beyond the edges are in the outermost bins. */
export function durationBins(seconds: readonly number[]): {
  readonly bins: Bins;
  readonly median: { readonly at: number; readonly seconds: number };
} {
  const sorted = seconds.toSorted((a, b) => a - b);
  const places = sorted.map(binOf);
  const [first, last] = [places[0] ?? 0, places.at(-1) ?? 0];
  const counts = Array.from({ length: last - first + 1 }, () => 0);
  for (const bin of places) counts[bin - first] = (counts[bin - first] ?? 0) + 1;
  const middle = medianOf(sorted);
  const bin = binOf(middle);
  const [low = 1, high = 2] = EDGES.slice(bin, bin + 2);
  const within = Math.log(Math.max(middle, low) / low) / Math.log(high / low);
  return {
    bins: { edges: EDGES.slice(first, last + 2).map(duration), counts },
    median: { at: bin - first + Math.min(1, within), seconds: middle },
  };
}

function binOf(seconds: number): number {
  const bin = EDGES.findLastIndex((edge) => seconds >= edge);
  return Math.min(Math.max(bin, 0), EDGES.length - 2);
}

function medianOf(sorted: readonly number[]): number {
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? upper) + upper) / 2;
}
