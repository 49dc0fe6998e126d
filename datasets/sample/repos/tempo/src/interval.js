function checked({ start, end }) {
  if (!(start <= end)) throw new RangeError(`interval ends before it starts: ${start}..${end}`);
  return { start, end };
}

function byStart(a, b) {
  return a.start - b.start || a.end - b.end;
}

/** The fewest intervals that cover the same instants, in order. Touching ones are joined, empty ones dropped. */
export function mergeIntervals(intervals) {
  const sorted = intervals.map(checked).filter(({ start, end }) => start < end).sort(byStart);
  const merged = [];
  for (const interval of sorted) {
    const last = merged.at(-1);
    if (last && interval.start <= last.end) last.end = interval.end;
    else merged.push(interval);
  }
  return merged;
}

/** What is left of `intervals` after the instants of `removed` are taken out, merged. */
export function subtractIntervals(intervals, removed) {
  const holes = mergeIntervals(removed);
  return mergeIntervals(intervals).flatMap((interval) => {
    const left = [];
    let { start } = interval;
    for (const hole of holes) {
      if (hole.end <= start || hole.start >= interval.end) continue;
      if (hole.start > start) left.push({ start, end: hole.start });
      start = Math.max(start, hole.end);
    }
    if (start < interval.end) left.push({ start, end: interval.end });
    return left;
  });
}

/** Milliseconds covered, counting overlaps once. */
export function totalLength(intervals) {
  return mergeIntervals(intervals).reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The first stretch of at least `length` inside `window` that no interval of `busy` touches, or null. */
export function findGap(busy, window, length) {
  const free = subtractIntervals([window], busy);
  const gap = free.find(({ start, end }) => end - start > length);
  return gap ? { start: gap.start, end: gap.start + length } : null;
}
