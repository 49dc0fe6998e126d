import type { CommandResult } from '../session.js';
import type { Missing } from './blocks.js';
import { template } from './template.js';
import type { Step, StepContext } from './types.js';

interface Frame {
  /** The name of the template that shows the format. */
  readonly format: string;
  /** The last line of an observation. */
  readonly closing: string;
}

/** The answer to a turn without a command, or with several: nothing is run. */
export function formatFault({ formatError, reason }: Missing, { format, closing }: Frame): Step {
  const observation = `Error: ${reason} Nothing was run.\n\n${template(format)}\n${closing}`;
  return { observation, command: null, formatError };
}

/** Runs a command in the session. */
export async function shellStep(
  command: string,
  { session, limits, signal }: Pick<StepContext, 'session' | 'limits' | 'signal'>,
  closing: () => string,
): Promise<Step> {
  const result = await session.run(command, limits, signal);
  const parts = [
    result.output === '' ? '(no output)' : result.output.replace(/\n$/, ''),
    ...remarks(result, limits.seconds),
    closing(),
  ];
  return {
    observation: parts.join('\n'),
    command,
    result,
    ...(result.truncatedChars > 0 ? { truncatedChars: result.truncatedChars } : {}),
  };
}

function remarks(
  { exitCode, isTimeout, restarted, isBroken }: CommandResult,
  seconds: number,
): readonly string[] {
  return [
    ...(isTimeout ? [`[killed: a command may take ${seconds} s]`] : []),
    ...(exitCode === null && !isTimeout ? ['[killed]'] : []),
    ...(exitCode !== null && exitCode !== 0 ? [`[exit code ${exitCode}]`] : []),
    ...(restarted ? ['[the shell had ended; in the new one variables, functions and jobs are gone]'] : []),
    ...(isBroken ? ['[the shell had ended, and no other one can be started]'] : []),
  ];
}
