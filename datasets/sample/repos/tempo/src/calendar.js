const DAY = 86_400_000;
const formatters = new Map();

function formatter(timeZone) {
  let found = formatters.get(timeZone);
  if (!found) {
    found = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(timeZone, found);
  }
  return found;
}

/** What a clock on the wall shows: `{ year, month, day, hour, minute, second }`, months from 1. */
export function wallTime(instant, timeZone) {
  const parts = formatter(timeZone).formatToParts(instant);
  return Object.fromEntries(
    parts.filter(({ type }) => type !== 'literal').map(({ type, value }) => [type, Number(value)]),
  );
}

/** Milliseconds that the zone's clocks are ahead of UTC at an instant. */
function offsetAt(instant, timeZone) {
  const { year, month, day, hour, minute, second } = wallTime(instant, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
}

/** The instant at which the zone's clocks show the given time, `wall` being that time read as if it were UTC. */
function fromWall(wall, timeZone) {
  const guess = wall - offsetAt(wall, timeZone);
  return wall - offsetAt(guess, timeZone);
}

/** The same time of day, `days` calendar days later (or earlier) in the zone. */
export function addDays(instant, days, timeZone) {
  if (!Number.isInteger(days)) throw new RangeError(`not a whole number of days: ${days}`);
  formatter(timeZone);
  return instant + days * DAY;
}

/** The first instant of the calendar day in the zone. */
export function startOfDay(instant, timeZone) {
  const { year, month, day } = wallTime(instant, timeZone);
  return fromWall(Date.UTC(year, month - 1, day), timeZone);
}
