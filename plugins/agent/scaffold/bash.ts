import { commandIn } from './blocks.js';
import { promptFor } from './prompt.js';
import { formatFault, shellStep } from './turn.js';
import type { Scaffold, StepContext } from './types.js';

/** Alone in a block, it ends the episode. */
export const SUBMIT_COMMAND = 'echo SUBMIT_MY_CHANGES';

/** Nothing but a shell, in the manner of mini-swe-agent. */
export const bash: Scaffold = {
  name: 'bash',
  version: '1',
  prompt: (task, options) => promptFor(task, options, { scaffold: 'bash', submit: SUBMIT_COMMAND }),
  start: () => ({}),
  async step(text, at) {
    const { state } = at;
    const found = commandIn(text, 'bash');
    if ('reason' in found)
      return { step: formatFault(found, { format: 'bash-format', closing: closing(at) }), state };
    const { command } = found;
    if (command.trim() === SUBMIT_COMMAND) return { step: { observation: '', command, submit: true }, state };
    return { step: await shellStep(command, at, () => closing(at)), state };
  },
};

function closing({ session }: Pick<StepContext, 'session'>): string {
  return `[cwd: ${session.cwd()}]`;
}
