export { CsvError } from './errors.js';
export { displayWidth, render, truncate } from './format.js';
export { inferTable, inferValue, summarize } from './infer.js';
export { parse } from './parse.js';
export { parseChunks, parseFile } from './stream.js';
export { stringify } from './stringify.js';
export { Table } from './table.js';
