import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { messagesOf } from '../../plugins/agent/episode.js';
import type { Message, Trajectory } from '../../src/index.js';
import { readRun } from '../../src/run/folder.js';
import { seededRandom } from '../../src/util/random.js';
import type { Asked } from '../agent/policy-server.js';
import { repeats } from '../helpers/repeats.js';
import {
  instanceOf,
  mends,
  processesIn,
  type RolloutScene,
  rolloutScene,
  SUBMIT,
  says,
} from '../helpers/rollout.js';

const KILLS = repeats(20, 5);
const SAMPLES = 2;
const INSTANCES = ['pennybook-1', 'pennybook-4', 'tabula-1', 'tabula-2', 'tempo-1', 'tempo-2'];
const FLAGS = ['-G', `${SAMPLES}`, '-j', '3', '--eval', '--turns', '6', '-q'];

let cache = '';
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'assay-rollout-kill-'));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

const NAME = /^I am number \d+\.\n\n/;
const bare = (text: string) => text.replace(NAME, '');

/** A model whose first answer names the conversation: no two episodes have the same one. Tempo never submits. */
function model(thinkMs: () => number) {
  let conversations = 0;
  return async ({ messages, turn }: Asked): Promise<string> => {
    const short = instanceOf(messages);
    await sleep(thinkMs());
    const answers = [
      says('ls; cd /tmp; export STATE=kept'),
      'I think about it.',
      says('echo "$STATE" >state.txt; cat state.txt; cd /testbed'),
      mends(short),
    ];
    const last = short.startsWith('tempo') ? says('git status --short') : SUBMIT;
    const answer = answers[turn - 1] ?? last;
    return turn === 1 ? `I am number ${++conversations}.\n\n${answer}` : answer;
  };
}

/** What was asked for, by all that had been said. */
const said = (messages: readonly Message[]) =>
  JSON.stringify(messages.map(({ role, content }) => [role, content]));

/** How many of these turns were recorded, by what they were an answer to. */
function answered(all: Iterable<Trajectory>): ReadonlyMap<string, number> {
  return counted(
    [...all].flatMap(({ episode, turns }) =>
      turns.map((_, at) => said(messagesOf(episode.prompt, turns.slice(0, at)))),
    ),
  );
}

function counted(items: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** A run's end, without times and the names of conversations. */
async function outcome({ trajectories, work }: RolloutScene, run: string) {
  const episodes = [...(await trajectories(run))].map(([id, { turns, result }]) => ({
    ...{ id, end: result?.end, patch: result?.patch, count: result?.turns },
    turns: turns.map(({ response, command, observation, formatError, exitCode }) => ({
      ...{ response: bare(response), command, observation, formatError, exitCode },
    })),
  }));
  const { verdicts } = await readRun(join(work, run));
  return {
    episodes: episodes.sort((a, b) => a.id.localeCompare(b.id)),
    verdicts: verdicts.map(({ instanceId, attempt, outcome, reason, tests }) => ({
      instanceId,
      attempt,
      outcome,
      reason,
      tests,
    })),
    predictions: await readFile(join(work, run, 'predictions.jsonl'), 'utf8'),
  };
}

async function expectNothingLeft(): Promise<void> {
  const folder = join(cache, 'local', 'workspaces');
  expect(await processesIn(folder)).toEqual([]);
}

describe('rollouts that are killed with SIGKILL', () => {
  test(`${KILLS} times at random moments, each time resumed, lose and double no episode, pay for no recorded turn again, and end as undisturbed ones`, async () => {
    const random = seededRandom(20260102);
    const answer = model(() => random() * 60);
    let onAsked = () => {};
    const reply = (asked: Asked) => {
      onAsked();
      return answer(asked);
    };
    const scene = await rolloutScene({ reply }, { cache });
    try {
      const undisturbed = await scene.rollout('undisturbed', INSTANCES, { flags: FLAGS });
      expect({ code: undisturbed.code, stderr: undisturbed.stderr }).toMatchObject({ code: 0 });
      const expected = await outcome(scene, 'undisturbed');
      expect(expected.episodes.map(({ end }) => end).sort()).toEqual([
        ...Array(4 * SAMPLES).fill('submitted'),
        ...Array(2 * SAMPLES).fill('turn_limit'),
      ]);
      expect(expected.verdicts.filter((verdict) => verdict.outcome === 'resolved')).toHaveLength(
        INSTANCES.length * SAMPLES,
      );
      let kills = 0;
      for (let round = 0; kills < KILLS; round++) {
        const run = `round-${round}`;
        let seen: ReadonlyMap<string, Trajectory> = new Map();
        let signal: NodeJS.Signals | null;
        do {
          const before = answered(seen.values());
          scene.completions.length = 0;
          const isLast = kills >= KILLS;
          const result = await scene.rollout(run, INSTANCES, {
            flags: FLAGS,
            onStart: (child) => {
              const kill = (ms: number) => void setTimeout(() => child.kill('SIGKILL'), ms).unref();
              // At any time, or in the middle of the work: much of the time goes by before the first turn.
              let answers = Math.ceil(random() * 20);
              onAsked = () => {
                if (!isLast && --answers === 0) kill(random() * 400);
              };
              if (!isLast && random() < 0.3) kill(500 + random() * 2500);
            },
          });
          signal = result.signal;
          if (signal === 'SIGKILL') kills++;
          else expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
          for (const [words, count] of counted(
            scene.completions.map(({ messages }) => said(messages as Message[])),
          )) {
            const isFirst = !words.includes('"assistant"');
            expect([words.slice(-300), count + (before.get(words) ?? 0) <= (isFirst ? SAMPLES : 1)]).toEqual([
              words.slice(-300),
              true,
            ]);
          }
          // What was on the disk before is there after, unchanged.
          const now = await scene.trajectories(run);
          for (const [id, { episode, turns, result: end }] of seen) {
            expect(now.get(id)?.episode).toEqual(episode);
            expect(now.get(id)?.turns.slice(0, turns.length)).toEqual(turns);
            if (end !== undefined) expect(now.get(id)?.result).toEqual(end);
          }
          seen = now;
        } while (signal === 'SIGKILL');
        expect(await outcome(scene, run)).toEqual(expected);
        expect(await scene.sandboxes()).toEqual([]);
      }
      await expectNothingLeft();
    } finally {
      await scene.remove();
    }
  }, 900_000);
});

describe("rollouts whose model's server dies", () => {
  test('fail after the retries, and are gone on with by the next run, at a server of another address', async () => {
    const reply = model(() => 20);
    const instances = INSTANCES.slice(0, 4);
    const flags = ['-j', '2', '--turns', '6', '--model-retries', '1', '--retries', '1', '--eval'];
    let answers = 0;
    let die = () => {};
    const dying = await rolloutScene(
      {
        async reply(asked) {
          if (++answers === 8) die();
          return reply(asked);
        },
      },
      { cache },
    );
    die = () => void dying.server.close();
    const healthy = await rolloutScene({ reply }, { cache });
    try {
      const first = await dying.rollout('r', instances, { flags });
      expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 4 });
      // Of each episode, twice: a request once more, and then the episode once more.
      const failed = [...(await dying.trajectories('r')).values()].filter(
        ({ result }) => result?.end === 'policy_error',
      );
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.map(({ result }) => result?.detail)).toEqual(
        failed.map(() => expect.stringContaining('[policy_unavailable]')),
      );
      expect(first.stderr.match(/again in \d/g)?.length).toBeGreaterThanOrEqual(2 * failed.length);
      expect(first.stderr.match(/\[policy_unavailable\]; trying again/g)).toHaveLength(failed.length);
      expect(first.stdout).toContain(`infra_error         ${failed.length}`);
      const before = await dying.trajectories('r');
      const paid = answered(before.values());
      expect([...paid.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(5);
      const next = await healthy.rollout(join(dying.work, 'r'), instances, { flags });
      expect({ code: next.code, stderr: next.stderr }).toMatchObject({ code: 0 });
      const after = await dying.trajectories('r');
      expect([...after.values()].map(({ result, turns }) => [result?.end, turns.length])).toEqual(
        Array(4).fill(['submitted', 5]),
      );
      for (const [id, { turns }] of before)
        expect(after.get(id)?.turns.slice(0, turns.length)).toEqual(turns);
      expect(healthy.completions).toHaveLength(
        4 * 5 - [...before.values()].reduce((sum, { turns }) => sum + turns.length, 0),
      );
      const { verdicts } = await readRun(join(dying.work, 'r'));
      expect(verdicts.map(({ outcome }) => outcome)).toEqual(Array(4).fill('resolved'));
      expect(await dying.sandboxes()).toEqual([]);
      await expectNothingLeft();
    } finally {
      await healthy.remove();
      await dying.remove();
    }
  });
});
