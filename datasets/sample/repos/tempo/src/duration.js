const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const PART = /(\d+(?:\.\d+)?)\s*(ms|d|h|m|s)/g;

/** Milliseconds of a text such as `1h 30m`, `2d`, `1.5s` or `250ms`; a plain number is milliseconds. */
export function parseDuration(text) {
  const trimmed = text.trim();
  if (/^\d+$/.test(trimmed)) return Number(trimmed);
  let total = 0;
  let matched = 0;
  for (const [part, amount, unit] of trimmed.matchAll(PART)) {
    total += Number(amount) * UNITS[unit];
    matched += part.length;
  }
  if (matched === 0) throw new RangeError(`not a duration: ${JSON.stringify(text)}`);
  return total;
}

/** The largest two units of a duration, rounded: `1h 30m`, `2m 5s`, `1.5s`, `250ms`. */
export function formatDuration(ms) {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < UNITS.m) return `${Math.round(ms / 100) / 10}s`;
  const steps = [
    ['d', UNITS.d, 'h', UNITS.h],
    ['h', UNITS.h, 'm', UNITS.m],
    ['m', UNITS.m, 's', UNITS.s],
  ];
  for (const [major, majorMs, minor, minorMs] of steps) {
    if (ms < majorMs) continue;
    const whole = Math.floor(ms / majorMs);
    const rest = Math.round((ms - whole * majorMs) / minorMs);
    return rest === 0 ? `${whole}${major}` : `${whole}${major} ${rest}${minor}`;
  }
  throw new RangeError(`not a duration: ${ms}`);
}
