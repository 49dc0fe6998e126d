import { type GradingProfile, gradeWith } from '../../src/index.js';
import { parserFinder } from '../parsers/registry.js';
import { APPLY_4, LISTS_4, MARKERS } from '../parsers/swe-bench-4.js';
import { withoutTiming } from '../parsers/timing.js';

/** Nebius' fork of SWE-bench 4.0.3, which graded SWE-rebench (V1). */
export const rebenchV1: GradingProfile = {
  name: 'rebench-v1',
  graderVersion: 'rebench-v1-1',
  applyCommands: APPLY_4,
  prepareScript: (evalScript) => evalScript,
  grade: gradeWith({
    markers: { ...MARKERS, wholeLogFallback: false },
    findParser: parserFinder('swe-bench-4'),
    ...LISTS_4,
    truncatedIds: false,
    infra: [],
  }),
};

const PASSED_ONLY = {
  success: ['PASSED'],
  failure: ['FAILED', 'ERROR', 'SKIPPED', 'XFAIL', 'OTHER'],
} as const;

/** Matches nothing: a log without any parsed test is never graded. */
const NO_EVIDENCE = /(?!)/;

/**
 * SWE-rebench V2 by the subset rule: resolved when every expected test is among the PASSED ones. The official `passed_match` also
 * asks that no other test passes; users of the set (Prime's verifiers, OpenReward) leave that out, and so do we.
 */
export const rebenchV2: GradingProfile = {
  name: 'rebench-v2',
  graderVersion: 'rebench-v2-2',
  // The reset is the official one; it also makes git look at the index anew, without which `--3way` takes no file of an image.
  applyCommands: [
    'git reset -q --hard HEAD && git apply -v --3way --recount --ignore-space-change --whitespace=nowarn {patch}',
  ],
  prepareScript: (evalScript) => evalScript,
  grade: gradeWith({
    findParser: parserFinder('swe-rebench-2'),
    suiteRan: NO_EVIDENCE,
    failToPass: PASSED_ONLY,
    passToPass: PASSED_ONLY,
    truncatedIds: false,
    normalizeName: withoutTiming,
    infra: [],
  }),
};
