import { wordsOf } from '../arguments.js';
import { absolute, inWords, readText } from '../text-file.js';
import { ToolError } from '../tool-error.js';
import type { Tool } from './tool.js';
import { around } from './view.js';

/** `create FILE`: an empty file, which is then open. */
export const create: Tool = async (args, at) => {
  const [path, ...more] = wordsOf(args);
  if (path === undefined || more.length > 0)
    throw new ToolError('`create` takes one file; `edit` then gives it its text');
  const target = absolute(path, at);
  const there = await inWords(at, at.session.readFile(target, at.signal));
  if (there !== undefined) throw new ToolError(`${target} is there already: \`open\` it`);
  await inWords(at, at.session.writeFile(target, '', at.signal));
  return around(await readText(target, at), 1);
};
