import type { RunResults, Trajectory } from '../../src/index.js';
import { instance, runResults, TAMPERED, verdict } from '../reports/run-results.js';
import { DECODING, episodeOf } from './episode.js';
import { pack } from './run-500.js';

export const ID = 'a__a-1';
export const OLD_TESTS = 3000;
/** Of the log of the first attempt; about 20 MB. */
export const LINES = 500_000;
/** Where it fails, and what is said twice in it, from 1. */
export const AT = { start: 120, failure: 250_000, needle: [300_000, 499_990], end: 499_999 } as const;

const old = Array.from({ length: OLD_TESTS }, (_, index) => `tests/test_a.py::test_old[${index}]`);

/** Two attempts at an instance, one of them with a log of 20 MB, and one at another that its strict verdict turns down. */
export const ONE: RunResults = runResults(
  [
    instance(ID, {
      attempts: 2,
      failToPass: ['tests/test_a.py::test_fix', 'tests/test_a.py::test_other'],
      passToPass: old,
      goldPatch: diffOf('src/a.py', 'gold') + diffOf('src/only_gold.py', 'gold'),
    }),
    instance('b__b-1', { attempts: 1 }),
  ],
  [
    verdict(ID, {
      outcome: 'unresolved',
      detail: 'FAIL_TO_PASS: 2 of 2 failed; PASS_TO_PASS: 1 of 3000 failed',
      tests: {
        FAIL_TO_PASS: { success: [], failure: ['tests/test_a.py::test_fix', 'tests/test_a.py::test_other'] },
        PASS_TO_PASS: { success: old.slice(1), failure: old.slice(0, 1) },
      },
      strict: {
        ...{ resolved: false, reason: 'tests_failed', reaches: ['conftest.py: configuration'] },
        guarded: [{ path: 'conftest.py', guard: 'configuration' }],
      },
    }),
    verdict(ID, { attempt: 2 }),
    verdict('b__b-1', TAMPERED),
  ],
);

/** What stands behind the clicks of its page. */
export const EVIDENCE = {
  patch: async (id: string, attempt: number) =>
    id === ID && attempt === 1
      ? diffOf('src/a.py', 'mine') + diffOf('conftest.py', 'mine')
      : 'I changed src/a.py.',
  logs: async (id: string, attempt: number) =>
    id === ID && attempt === 1
      ? [
          { name: 'test' as const, ...(await pack(bigLog())) },
          { name: 'inverted' as const, ...(await pack('inverted\n')) },
        ]
      : id !== ID
        ? [{ name: 'test' as const, ...(await pack(longLog())) }]
        : [{ name: 'test' as const, ...(await pack(`short\n${'wide '.repeat(1000)}\nend\n`)) }],
  episodes: async (id: string) => new Map(id === ID ? [[1, EPISODE]] : []),
};

/** More lines than browsers have pixels for. */
export const MANY_LINES = 2_500_000;
const longLog = () => Array.from({ length: MANY_LINES }, (_, index) => `l${index + 1}\n`).join('');

/** A log of {@link LINES} lines. */
export function bigLog(): string {
  const lines = Array.from(
    { length: LINES },
    (_, index) => `tests/test_a.py::test_line_${index + 1} PASSED  (${(index * 7919) % 1000} ms)`,
  );
  lines[AT.start - 1] = "+ : '>>>>> Start Test Output'";
  lines[AT.failure - 1] = 'FAILED tests/test_a.py::test_fix - assert 1 == 2';
  for (const line of AT.needle) lines[line - 1] = 'here is the Needle';
  lines[AT.end - 1] = "+ : '>>>>> End Test Output'";
  return `${lines.join('\n')}\n`;
}

function diffOf(path: string, word: string): string {
  return `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1,2 +1,2 @@\n same\n-before\n+${word}\n`;
}

const EPISODE: Trajectory = {
  episode: episodeOf(ID, {
    ...{ model: 'acme/solver', scaffold: 'tools@1' },
    prompt: [{ role: 'system', content: 'You mend code.' }],
    limits: {
      ...{ turns: 40, contextTokens: 9000, commandSeconds: 90, episodeSeconds: 3600 },
      ...{ observationChars: 16000, gradeUnsubmitted: true },
    },
  }),
  turns: Array.from({ length: 300 }, (_, index) => ({
    ...{
      index: index + 1,
      response: `I look at file ${index + 1}.`,
      finishReason: 'stop',
      decoding: DECODING,
    },
    ...(index === 1
      ? { command: null, formatError: 'no_command' as const, observation: 'Error: no command' }
      : {
          command: `cat file_${index + 1}.py`,
          observation: `${'x'.repeat(79)}\n`.repeat(800),
          exitCode: index === 2 ? 1 : 0,
        }),
    ...{ confirmed: null, usage: { promptTokens: 1000, completionTokens: 20, cost: 0.01 } },
    seconds: { policy: 1.5, command: 0.5 },
  })) as Trajectory['turns'],
  result: {
    ...{ end: 'submitted', patch: '', turns: 300, seconds: 600, finishedAt: '' },
    usage: { promptTokens: 300_000, completionTokens: 6000, cost: 3 },
  },
};
