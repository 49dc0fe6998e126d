import type { InstanceImageFlags } from './connect.js';
import type { EngineFlags } from './flags.js';

/** The flags of `assay train`, as yargs gives them. */
export type TrainArgs = Partial<EngineFlags> &
  InstanceImageFlags &
  Readonly<{
    config: string;
    'dry-run'?: boolean;
    'mean-tokens'?: number;
    'assume-cuda'?: boolean;
    retries?: number;
    timeout?: string;
    progress?: 'auto' | 'bars' | 'plain' | 'none';
    quiet?: boolean;
    json?: boolean;
  }>;
