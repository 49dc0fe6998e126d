export { sweBench2025 } from './rows-2025.js';
export { sweBench2026 } from './rows-2026.js';

import type { DatasetAliases } from '../../src/index.js';

/** The names of SWE-bench's own command line, and `lite`, which it dropped. */
export const sweBenchAliases: DatasetAliases = {
  verified: { dataset: 'SWE-bench/SWE-bench_Verified', split: 'test' },
  lite: { dataset: 'SWE-bench/SWE-bench_Lite', split: 'test' },
  full: { dataset: 'SWE-bench/SWE-bench', split: 'test' },
  multilingual: { dataset: 'SWE-bench/SWE-bench_Multilingual', split: 'test' },
};
