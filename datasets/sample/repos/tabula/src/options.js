const DEFAULTS = {
  delimiter: ',',
  quote: '"',
  header: false,
  trim: false,
  skipEmptyLines: true,
  comment: null,
};

/** Options of the parser with the defaults filled in and checked. */
export function parserOptions(options = {}) {
  const result = { ...DEFAULTS, ...options };
  if (typeof result.delimiter !== 'string' || result.delimiter.length !== 1) {
    throw new TypeError(`delimiter must be one character, got ${JSON.stringify(result.delimiter)}`);
  }
  if (result.delimiter === result.quote) {
    throw new TypeError('delimiter and quote must differ');
  }
  return result;
}
