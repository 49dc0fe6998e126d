import { bash } from './bash.js';
import { tools } from './tools.js';
import type { Scaffold } from './types.js';

export * from './types.js';

/** The scaffolds by name. */
export const scaffolds: Readonly<Record<string, Scaffold>> = { tools, bash };
