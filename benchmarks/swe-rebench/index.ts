import type { Benchmark } from '../../src/index.js';
import { specForV1 } from './v1.js';
import { specForV2 } from './v2.js';

/** SWE-rebench (V1) and its leaderboard. */
export const sweRebenchV1Benchmark: Benchmark = {
  name: 'swe-rebench',
  rowFormats: ['swe-rebench-v1'],
  defaultProfile: 'rebench-v1',
  profiles: ['rebench-v1', 'v4.1', 'v5'],
  specFor: specForV1,
};

/** SWE-rebench V2. */
export const sweRebenchV2Benchmark: Benchmark = {
  name: 'swe-rebench-v2',
  rowFormats: ['swe-rebench-v2'],
  defaultProfile: 'rebench-v2',
  profiles: ['rebench-v2'],
  specFor: specForV2,
};
