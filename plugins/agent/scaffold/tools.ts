import { commandIn } from './blocks.js';
import { clipped } from './clip.js';
import { promptFor } from './prompt.js';
import { ToolError } from './tool-error.js';
import { create } from './tools/create.js';
import { edit } from './tools/edit.js';
import { replace } from './tools/replace.js';
import { searchFile } from './tools/search-file.js';
import type { Tool, ToolResult } from './tools/tool.js';
import { goto, open, scroll } from './tools/view.js';
import { formatFault, shellStep } from './turn.js';
import type { Scaffold, StepContext } from './types.js';

const TOOLS: Readonly<Record<string, Tool>> = {
  create,
  edit,
  goto,
  open,
  replace,
  scroll_down: scroll(1),
  scroll_up: scroll(-1),
  search_file: searchFile,
  // Without arguments it ends the episode, see `step`.
  submit: () => Promise.reject(new ToolError('`submit` takes no arguments')),
};

/** A shell and tools for files: the agent of Golubev et al. 2025 (arXiv 2508.03501), appendix E. */
export const tools: Scaffold = {
  name: 'tools',
  version: '1',
  prompt: (task, options) => promptFor(task, options, { scaffold: 'tools', submit: 'submit' }),
  start: () => ({}),
  async step(text, at) {
    const { state } = at;
    const found = commandIn(text, 'command');
    if ('reason' in found)
      return { step: formatFault(found, { format: 'tools-format', closing: closing(at) }), state };
    const { command } = found;
    const { name, args } = firstWord(command);
    if (name === 'submit' && args.trim() === '')
      return { step: { observation: '', command, submit: true }, state };
    const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
    if (tool === undefined) return { step: await shellStep(command, at, () => closing(at)), state };
    const { text: shown, openFile } = await used(tool, args, at);
    const observed = clipped(shown, at.limits.outputChars);
    const after = openFile === undefined ? state : { openFile };
    const observation = `${observed.text}\n${closing({ ...at, state: after })}`;
    const truncated = observed.cut > 0 ? { truncatedChars: observed.cut } : {};
    return { step: { observation, command, ...truncated }, state: after };
  },
};

/** What a tool gives, or what it says of its misuse. */
async function used(tool: Tool, args: string, { state, session, signal }: StepContext): Promise<ToolResult> {
  try {
    return await tool(args, { session, signal, openFile: state.openFile });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return { text: `Error: ${error.message}` };
  }
}

/** The first word of a command, after lines that are comments, and what follows it. */
function firstWord(command: string): { readonly name: string; readonly args: string } {
  const [, name = '', args = ''] = /^(?:\s*#[^\n]*\n)*\s*(\S+)(.*)$/s.exec(command) ?? [];
  return { name, args };
}

function closing({ session, state }: Pick<StepContext, 'session' | 'state'>): string {
  return `[cwd: ${session.cwd()} | open file: ${state.openFile?.path ?? 'none'}]`;
}
