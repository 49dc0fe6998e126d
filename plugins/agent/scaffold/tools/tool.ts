import { ToolError } from '../tool-error.js';
import type { OpenFile, StepContext } from '../types.js';

export interface ToolContext extends Pick<StepContext, 'session' | 'signal'> {
  readonly openFile: OpenFile | undefined;
}

export interface ToolResult {
  readonly text: string;
  /** Absent: as it was. */
  readonly openFile?: OpenFile;
}

/** A tool gets what stands behind its name. Rejects with ToolError for what the model did wrong. */
export type Tool = (args: string, at: ToolContext) => Promise<ToolResult>;

/** The open file, which most tools need. */
export function needOpenFile({ openFile }: ToolContext): OpenFile {
  if (openFile === undefined) throw new ToolError('no file is open: `open FILE` first');
  return openFile;
}

/** `1 line`, `2 lines`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
