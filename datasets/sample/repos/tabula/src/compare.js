const RANK = { number: 0, boolean: 1, date: 2, string: 3 };

function rankOf(value) {
  return value instanceof Date ? RANK.date : (RANK[typeof value] ?? 4);
}

/** Orders values of any type: numbers, booleans, dates, then texts by code unit; blanks last. */
export function compareValues(a, b) {
  const aBlank = a === null || a === undefined;
  const bBlank = b === null || b === undefined;
  if (aBlank || bBlank) return Number(aBlank) - Number(bBlank);
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return Number(a) - Number(b);
}
