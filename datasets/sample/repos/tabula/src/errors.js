/** A defect in delimited text. `line` counts lines of the text from 1. */
export class CsvError extends Error {
  constructor(message, { line, column } = {}) {
    super(line === undefined ? message : `${message} (line ${line})`);
    this.name = 'CsvError';
    this.line = line;
    this.column = column;
  }
}
