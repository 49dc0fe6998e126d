import { cut } from '../../../../src/index.js';
import { wordsOf } from '../arguments.js';
import { absolute, linesOf, readText } from '../text-file.js';
import { ToolError } from '../tool-error.js';
import { counted, needOpenFile, type Tool } from './tool.js';
import { numbered } from './view.js';

/** Lines that are shown. */
const MOST = 100;

/** `search_file TERM [FILE]`: the lines that hold the term, which is no pattern. */
export const searchFile: Tool = async (args, at) => {
  const [term, path, ...more] = wordsOf(args);
  if (term === undefined || term === '' || more.length > 0)
    throw new ToolError('`search_file` takes TERM and FILE: put a term with spaces in quotes');
  const file = await readText(path === undefined ? needOpenFile(at).path : absolute(path, at), at);
  const found = linesOf(file.text).flatMap((line, index) =>
    line.includes(term) ? [{ line, number: index + 1 }] : [],
  );
  const shown = found.slice(0, MOST).map(({ line, number }) => numbered(line, number));
  const rest = found.length - shown.length;
  const summary = `${counted(found.length, 'line')} of ${file.path} with ${JSON.stringify(cut(term))}${found.length === 0 ? '.' : ':'}`;
  return { text: [summary, ...shown, ...(rest > 0 ? [`(${rest} more)`] : [])].join('\n') };
};
