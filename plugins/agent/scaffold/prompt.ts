import type { Message } from '../../../src/index.js';
import { template } from './template.js';
import type { PromptOptions, Task } from './types.js';

interface PromptParts {
  /** Of the templates: `<scaffold>-system`, `<scaffold>-format`, `<scaffold>-demonstration`. */
  readonly scaffold: string;
  /** What ends the work. */
  readonly submit: string;
}

/** What a model is told before its first turn: tools and format, a demonstration if wanted, then the issue with advice. */
export function promptFor(
  task: Task,
  { demonstration, workdir }: PromptOptions,
  { scaffold, submit }: PromptParts,
): readonly Message[] {
  const format = template(`${scaffold}-format`);
  const system = template(`${scaffold}-system`, { format, submit });
  const shown = demonstration ? [template(`${scaffold}-demonstration`)] : [];
  const issue = task.problemStatement.trim();
  return [
    { role: 'system', content: [system, ...shown].join('\n\n') },
    { role: 'user', content: template('task', { repo: task.repo, workdir, issue, submit }) },
  ];
}
