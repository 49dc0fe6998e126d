import { ours, paper } from '../trainer/defaults.js';
import type { Layer } from '../trainer/resolve.js';

/** What all of arXiv 2508.03501 leaves open, and options that it doesn't use. */
export const DAPO_DEFAULTS: Layer = {
  'algorithm.split': ours('even', 'not stated; batches of one size make steps of one noise'),
  'algorithm.verdict': ours(
    'strict',
    'the paper has one kind of verdict; ours keeps out what the patch itself decided',
  ),
  'algorithm.delta': ours(1e-6, 'not stated; as verl, on which DAPO was made'),
  'algorithm.signalOn': ours(
    'outcome',
    'not stated; 2 to 8 steps of 128 from 3,000 episodes (section 4.3) fit no other reading',
  ),
  'algorithm.ratioLevel': ours('token', 'as equation 8'),
  'algorithm.surrogate': ours('clip', 'as equation 8'),
  'optimizer.warmupSteps': ours(10, 'not stated for RL; as in RFT: the second moments of AdamW begin at 0'),
};

const SHARED: Layer = {
  'algorithm.group': paper(10, 'table 3'),
  'algorithm.epochs': paper(1, 'table 3'),
  'algorithm.penalty': paper('turns', 'section 4.3'),
  'algorithm.turnThreshold': paper(10, 'table 3'),
  'algorithm.advantage': paper('grpo', 'section 4.3'),
  'algorithm.overlong': paper('keep', 'section 5.2'),
  'algorithm.lossNorm': paper('batch_tokens', 'section 4.3, text; equation 8 has group_tokens'),
  'algorithm.clipLow': paper(0.2, 'table 3'),
  'optimizer.learningRate': paper(1e-6, 'table 3'),
  'optimizer.beta1': paper(0.9, 'table 3'),
  'optimizer.beta2': paper(0.999, 'table 3'),
  'optimizer.eps': paper(1e-8, 'table 3'),
  'optimizer.weightDecay': paper(0.1, 'table 3'),
  'optimizer.gradientClip': paper(1, 'table 3'),
  iterations: ours(60, 'the paper says more than 100 in both stages together'),
};

/** Both stages of arXiv 2508.03501, section 4.3 and table 3. */
export const DAPO_PRESETS: Readonly<Record<string, Layer>> = {
  'golubev2025-stage1': {
    ...SHARED,
    'episode.turns': paper(40, 'table 3'),
    'episode.contextTokens': paper(65536, 'table 3 (65k)'),
    'algorithm.problems': paper(300, 'table 3'),
    'algorithm.batch': paper(128, 'table 3'),
    'algorithm.clipHigh': paper(0.3, 'table 3'),
  },
  'golubev2025-stage2': {
    ...SHARED,
    'episode.turns': paper(80, 'table 3'),
    'episode.contextTokens': paper(131072, 'table 3 (131k)'),
    'model.yarn': paper(4, 'section 4.3'),
    'algorithm.problems': paper(100, 'table 3'),
    'algorithm.batch': paper(256, 'table 3'),
    'algorithm.clipHigh': paper(0.26, 'table 3'),
    'algorithm.solvedAt': paper(2 / 3, 'section 4.3'),
  },
};
