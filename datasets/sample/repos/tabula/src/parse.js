import { CsvError } from './errors.js';
import { parserOptions } from './options.js';

const START = 0;
const PLAIN = 1;
const QUOTED = 2;
const AFTER_QUOTE = 3;

/**
 * An incremental parser: feed it text with `push`, then call `end`.
 * Each complete row goes to `onRow(fields, line)`, where `line` is the line on which the row starts.
 */
export class RowParser {
  constructor(options, onRow) {
    this.options = parserOptions(options);
    this.onRow = onRow;
    this.state = START;
    this.field = '';
    this.fields = [];
    this.line = 1;
    this.rowLine = 1;
    this.sawReturn = false;
    this.inComment = false;
  }

  push(text) {
    for (const char of text) this.#accept(char);
  }

  end() {
    if (this.state === QUOTED) {
      throw new CsvError('quoted field is never closed', { line: this.rowLine });
    }
    if (this.inComment) return;
    if (this.field !== '' || this.state === AFTER_QUOTE) {
      this.#endRow();
    } else if (this.fields.length > 0) {
      this.#emit();
    }
  }

  #accept(char) {
    const { delimiter, quote, comment } = this.options;
    if (this.sawReturn) {
      this.sawReturn = false;
      if (char === '\n') return;
    }
    if (this.inComment) {
      if (char === '\n' || char === '\r') this.#endComment(char);
      return;
    }
    if (this.state === QUOTED) {
      if (char === quote) this.state = AFTER_QUOTE;
      else this.field += char;
      return;
    }
    if (this.state === AFTER_QUOTE && char === quote) {
      this.field += quote;
      this.state = QUOTED;
      return;
    }
    if (char === delimiter) {
      this.#endField();
    } else if (char === '\n' || char === '\r') {
      this.sawReturn = char === '\r';
      this.#endRow();
      this.#nextLine();
    } else if (char === quote && this.state === START) {
      this.state = QUOTED;
    } else if (comment !== null && char === comment && this.state === START && this.fields.length === 0) {
      this.inComment = true;
    } else if (this.state === AFTER_QUOTE) {
      throw new CsvError(`unexpected ${JSON.stringify(char)} after a closing quote`, {
        line: this.line,
        column: this.fields.length + 1,
      });
    } else {
      this.field += char;
      this.state = PLAIN;
    }
  }

  #endComment(char) {
    this.inComment = false;
    this.sawReturn = char === '\r';
    this.#nextLine();
  }

  #nextLine() {
    this.line += 1;
    this.rowLine = this.line;
  }

  #endField() {
    this.fields.push(this.options.trim && this.state === PLAIN ? this.field.trim() : this.field);
    this.field = '';
    this.state = START;
  }

  #endRow() {
    const wasQuoted = this.state === AFTER_QUOTE;
    this.#endField();
    const empty = this.fields.length === 1 && this.fields[0] === '' && !wasQuoted;
    if (empty && this.options.skipEmptyLines) {
      this.fields = [];
      return;
    }
    this.#emit();
  }

  #emit() {
    const fields = this.fields;
    this.fields = [];
    this.onRow(fields, this.rowLine);
  }
}

/** Makes `onRow` deliver objects keyed by the first row. Rows of another length are an error. */
export function recordSink(onRecord) {
  let header = null;
  return (fields, line) => {
    if (header === null) {
      header = fields;
      return;
    }
    if (fields.length !== header.length) {
      throw new CsvError(`expected ${header.length} fields but found ${fields.length}`, { line });
    }
    onRecord(Object.fromEntries(header.map((name, i) => [name, fields[i]])), line);
  };
}

/** All rows of a text: arrays of strings, or objects with `header: true`. */
export function parse(text, options = {}) {
  const rows = [];
  const collect = (row) => rows.push(row);
  const parser = new RowParser(options, parserOptions(options).header ? recordSink(collect) : collect);
  parser.push(text);
  parser.end();
  return rows;
}
