import type { CommandGroup } from './command.js';
import { runsImportCommand } from './runs-import-command.js';

export const runsCommands: CommandGroup = {
  command: 'runs',
  describe: 'Run folders: make one of published results',
  example: ['$0 runs import results.json --dataset verified --model NAME', ''],
  actions: [runsImportCommand],
};
