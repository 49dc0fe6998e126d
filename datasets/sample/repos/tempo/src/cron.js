const FIELDS = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'day of week', min: 0, max: 6 },
];
const MINUTE = 60_000;
const HORIZON_YEARS = 8;

function parseNumber(text, { name, min, max }) {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new RangeError(`${name} must be ${min} to ${max}, got ${JSON.stringify(text)}`);
  }
  return value;
}

function parseField(text, field) {
  const values = new Set();
  for (const item of text.split(',')) {
    const [range, stepText] = item.split('/');
    const step = stepText === undefined ? 1 : parseNumber(stepText, { ...field, min: 1 });
    let from = field.min;
    let to = field.max;
    if (range !== '*') {
      const [first, last] = range.split('-');
      from = parseNumber(first, field);
      to = last === undefined ? (stepText === undefined ? from : field.max) : parseNumber(last, field);
    }
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}

/** The sets of minutes, hours, days, months and weekdays (0 is Sunday) of a five-field expression. */
export function parseCron(expression) {
  const parts = expression.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) {
    throw new RangeError(`a cron expression has five fields, got ${parts.length}: ${JSON.stringify(expression)}`);
  }
  const [minutes, hours, days, months, weekdays] = parts.map((part, i) => parseField(part, FIELDS[i]));
  return { minutes, hours, days, months, weekdays, anyDay: parts[2] === '*', anyWeekday: parts[4] === '*' };
}

function dayMatches(cron, date) {
  return cron.days.has(date.getUTCDate()) && cron.weekdays.has(date.getUTCDay());
}

/** The first instant after `after` that the expression names, in UTC; null when there is none in eight years. */
export function nextRun(expression, after) {
  const cron = parseCron(expression);
  const date = new Date(Math.floor(after / MINUTE) * MINUTE + MINUTE);
  const limit = date.getUTCFullYear() + HORIZON_YEARS;
  while (date.getUTCFullYear() <= limit) {
    if (!cron.months.has(date.getUTCMonth() + 1)) {
      date.setUTCMonth(date.getUTCMonth() + 1, 1);
      date.setUTCHours(0, 0);
    } else if (!dayMatches(cron, date)) {
      date.setUTCDate(date.getUTCDate() + 1);
      date.setUTCHours(0, 0);
    } else if (!cron.hours.has(date.getUTCHours())) {
      date.setUTCHours(date.getUTCHours() + 1, 0);
    } else if (!cron.minutes.has(date.getUTCMinutes())) {
      date.setUTCMinutes(date.getUTCMinutes() + 1);
    } else {
      return date.getTime();
    }
  }
  return null;
}
