export { golubev2025 } from './golubev2025.js';
export { sweRebenchV1 } from './rows-v1.js';
export { sweRebenchV2 } from './rows-v2.js';

import type { DatasetAliases } from '../../src/index.js';

/** SWE-rebench on the Hub. */
export const sweRebenchAliases: DatasetAliases = {
  rebench: { dataset: 'nebius/SWE-rebench' },
  'rebench-leaderboard': { dataset: 'nebius/SWE-rebench-leaderboard' },
  'rebench-v2': { dataset: 'nebius/SWE-rebench-V2' },
};
