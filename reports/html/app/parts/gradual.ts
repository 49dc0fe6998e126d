import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** A browser lays out so many new rows of a table well within the tenth of a second in which a key should be answered. */
const STEP = 50;

/**
 * How many of a list's items to draw now: to its end, or as far as there are at most {@link STEP} that weren't drawn before; the rest
 * follow after the next frame. With `atOnce`, all from the start.
 */
export function useGradual(keys: readonly string[], atOnce: boolean): number {
  const drawn = useRef<ReadonlySet<string>>(new Set(atOnce ? keys : []));
  const [, again] = useState({});
  const count = within(keys, drawn.current);
  useLayoutEffect(() => {
    drawn.current = new Set(keys.slice(0, count));
  }, [keys, count]);
  useEffect(() => {
    if (count === keys.length) return;
    const timer = setTimeout(() => again({}));
    return () => clearTimeout(timer);
  });
  return count;
}

/** How far a list goes until it holds more than {@link STEP} keys that are not among the drawn ones. */
export function within(keys: readonly string[], drawn: ReadonlySet<string>): number {
  let fresh = 0;
  const end = keys.findIndex((key) => !drawn.has(key) && ++fresh > STEP);
  return end < 0 ? keys.length : end;
}
