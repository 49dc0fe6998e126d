import { bash } from '../../../plugins/agent/scaffold/bash.js';
import type { Scaffold } from '../../../plugins/agent/scaffold/types.js';

/** The steps of `bash`, and a prompt that is the issue alone: a small model learns the format by training, and pays for each token. */
export const drillScaffold: Scaffold = {
  ...bash,
  name: 'drill',
  version: '1',
  prompt: ({ problemStatement }) => [{ role: 'user', content: problemStatement.trim() }],
};
