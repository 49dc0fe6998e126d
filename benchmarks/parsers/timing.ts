import { pythonPattern, strip } from './text.js';

/** Durations that runners print into test names; each is tried from the first of its leading spaces only. */
const TIMINGS = [
  String.raw`(?<!\s)\s*\[\s*\d+(?:\.\d+)?\s*(?:ms|s)\s*\]\s*$`,
  String.raw`(?<!\s)\s+in\s+\d+(?:\.\d+)?\s+(?:msec|sec)(?!\w)`,
  String.raw`(?<!\s)\s*\(\s*\d+(?:\.\d+)?\s*(?:ms|s)\s*\)\s*$`,
].map((source) => pythonPattern(source, 'gi'));

/** A test name without the durations that SWE-rebench V2 ignores, white space at both ends removed. */
export function withoutTiming(name: string): string {
  return strip(TIMINGS.reduce((rest, timing) => rest.replace(timing, ''), name));
}

/** A name of PHPUnit's without the bracketed duration at its end. */
export function withoutBracketTime(name: string): string {
  const [bracket] = TIMINGS;
  return strip(bracket === undefined ? name : name.replace(bracket, ''));
}
