import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Verdict } from '../../src/index.js';
import { readRun } from '../../src/run/folder.js';
import type { Asked, PolicyServerOptions, Reply } from '../agent/policy-server.js';
import {
  idOf,
  instanceOf,
  inTurn,
  linesOf,
  mends,
  type RolloutScene,
  rolloutScene,
  SUBMIT,
  says,
  scripts,
  takeAwaySandbox,
  textsBelow,
} from '../helpers/rollout.js';

const KEY = 'sk-assay-0123456789';

let cache = '';
const open: RolloutScene[] = [];
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'assay-rollout-cache-'));
});
afterEach(async () => {
  for (const scene of open.splice(0)) {
    expect(await scene.sandboxes()).toEqual([]);
    await scene.remove();
  }
});
afterAll(() => rm(cache, { recursive: true, force: true }));

async function scene(options: PolicyServerOptions): Promise<RolloutScene> {
  const made = await rolloutScene(options, { cache });
  open.push(made);
  return made;
}

/** What a verdict says of a patch. */
async function verdicts(folder: string) {
  const say = ({ instanceId, attempt, outcome, reason, tests, strict }: Verdict) => ({
    ...{
      instanceId,
      attempt,
      outcome,
      reason,
      tests,
      strict: strict && { resolved: strict.resolved, reason: strict.reason },
    },
  });
  return (await readRun(folder)).verdicts.map(say);
}

/** Every tool once, and a shell command; what each of them is answered. */
const TOOLS: readonly (readonly [string, string | RegExp])[] = [
  ['pwd; cd tests && export WHERE=here', /^\/testbed\n\[cwd: \/testbed\/tests \| open file: none\]$/],
  ['cd .. && echo $WHERE', /^here\n\[cwd: \/testbed \|/],
  ['create notes.txt', /^\[\/testbed\/notes.txt: /],
  [
    "edit 1:1 <<'EOF'\none\ntwo\nthree\nEOF",
    /^Replaced lines 1 to 1 by 3 lines\..*\n3:three\n\[cwd: \/testbed \| open file: \/testbed\/notes.txt\]$/s,
  ],
  ["replace 'two' \"2 'zwei'\"", /^Replaced "two" \(line 2\)\..*\n2:2 'zwei'\n/s],
  ['search_file three', /^1 line of .* with "three":\n3:three\n/s],
  ['for i in $(seq 300); do echo "line $i"; done > long.txt', /^\(no output\)/],
  ['open long.txt 150', /\n150:line 150\n/],
  ['scroll_down', /\n240:line 240\n/],
  ['scroll_up', /\n140:line 140\n/],
  ['goto 7', /\n7:line 7\n/],
  ['rm long.txt; sleep 30', /^\[killed|\(no output\)\n\[killed: a command may take 1\.5 s\]/],
  ['false', /\[exit code 1\]/],
];

const tools =
  (short: string) =>
  ({ turn }: Asked): Reply =>
    turn <= TOOLS.length
      ? says((TOOLS[turn - 1] as (typeof TOOLS)[number])[0])
      : turn === TOOLS.length + 1
        ? mends(short)
        : SUBMIT;

/** Each turn goes wrong once, in a way that passes, as long as there are faults. */
const failing =
  (faults: readonly Reply[], then: (asked: Asked) => Reply) =>
  (asked: Asked): Reply =>
    (asked.attempt === 1 ? faults[asked.turn - 1] : undefined) ?? then(asked);

const status = (code: number, message?: string): Reply => ({
  ...{ fault: 'status', status: code, headers: { 'retry-after': '0' } },
  ...(message === undefined ? {} : { message }),
});

describe('assay rollout on the sample benchmark', () => {
  test('uses all tools, survives what passes, ends in every way, and grades as assay eval does', async () => {
    const INSTANCES = ['pennybook-1', 'pennybook-2', 'pennybook-3', 'tabula-1', 'tabula-2', 'tempo-1'];
    const { rollout, trajectories, assay, work, completions } = await scene({
      key: KEY,
      reply: scripts({
        'pennybook-1': tools('pennybook-1'),
        'pennybook-2': inTurn(
          'I think first.',
          `${says('touch a')}\n${says('touch b')}`,
          '```bash\ntouch c\n```',
          SUBMIT,
        ),
        'pennybook-3': failing(
          [
            { fault: 'stall', text: 'I thi' },
            { fault: 'cut', text: 'I think' },
          ],
          inTurn(mends('pennybook-3'), SUBMIT),
        ),
        // Never submits.
        'tabula-1': inTurn(
          mends('tabula-1'),
          says('env | sort; cat /proc/[0-9]*/environ 2>&1 | tr "\\0" "\\n" | grep -i -e sk- -e api_key'),
        ),
        'tabula-2': ({ turn }) =>
          turn === 1 ? mends('tabula-2') : status(400, "This model's maximum context length is 9 tokens"),
        'tempo-1': failing(
          [status(429), status(503), { fault: 'reset' }, { fault: 'raw', body: 'data: {"cho' }],
          inTurn(says('echo 1 > new'), says('ls'), says('cat new'), SUBMIT),
        ),
      }),
    });
    const flags = [
      '--eval',
      '-j',
      '3',
      '--command-timeout',
      '1.5',
      '--stall-timeout',
      '1',
      '--price-in',
      '1',
      '--price-out',
      '10',
    ];
    const { code, stdout, stderr } = await rollout('r', INSTANCES, {
      flags: [...flags, '--turns', '15'],
      key: KEY,
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const all = await trajectories('r');
    const ends = Object.fromEntries(
      [...all].map(([id, { result, turns }]) => [id, [result?.end, turns.length]]),
    );
    expect(ends).toEqual({
      'pennybook-1#1': ['submitted', TOOLS.length + 2],
      'pennybook-2#1': ['submitted', 4],
      'pennybook-3#1': ['submitted', 2],
      'tabula-1#1': ['turn_limit', 15],
      'tabula-2#1': ['context_limit', 1],
      'tempo-1#1': ['submitted', 4],
    });
    for (const [at, [, observation]] of TOOLS.entries())
      expect(all.get('pennybook-1#1')?.turns[at]?.observation).toMatch(observation);
    expect(all.get('pennybook-1#1')?.turns[11]).toMatchObject({ exitCode: null, isTimeout: true });
    expect(all.get('pennybook-2#1')?.turns.map(({ formatError }) => formatError)).toEqual([
      ...['no_command', 'several_commands', 'no_command', undefined],
    ]);
    for (const { turns, result } of all.values()) {
      const costs = turns.map(({ usage }) => (usage.promptTokens + 10 * usage.completionTokens) / 1e6);
      expect(result?.usage.cost).toBeCloseTo(costs.reduce((sum, cost) => sum + cost, 0));
    }

    // No sampling parameter is left to the server's defaults.
    expect(completions[0]).toMatchObject({
      ...{ temperature: 0.6, top_p: 1, top_k: -1, min_p: 0, repetition_penalty: 1, n: 1, stream: true },
    });

    expect(stdout).toContain('Pass@1  66.7 %  (4 of 6 instances');
    expect(stderr).toMatch(
      /6\/6 episodes \(context_limit 1, submitted 4, turn_limit 1\).*4 of 6 graded resolved/,
    );
    const evaluated = await assay(
      ...['eval', 'sample', '-p', join('r', 'predictions.jsonl'), '-o', 'e', '-q'],
      ...INSTANCES.flatMap((short) => ['-i', idOf(short)]),
    );
    expect({ code: evaluated.code, stderr: evaluated.stderr }).toMatchObject({ code: 0 });
    expect(evaluated.stdout).toContain('Pass@1  66.7 %  (4 of 6 instances');
    expect(await verdicts(join(work, 'r'))).toEqual(await verdicts(join(work, 'e')));

    expect(await assay('report', 'r', '-f', 'html')).toMatchObject({ code: 0, stderr: '' });
    const html = await readFile(join(work, 'r', 'report.html'), 'utf8');
    expect(html).toContain('"episode":{"end":"turn_limit","turns":15,');

    const again = await assay('trajectories', 'replay', 'r');
    expect({ code: again.code, out: again.stdout, err: again.stderr }).toEqual({
      ...{ code: 0, err: '' },
      out: [...all]
        .map(
          ([id, { turns }]) => `${idOf(id)}  ${turns.length} turns, the same observations, the same diff\n`,
        )
        .join(''),
    });

    // Neither in a file nor in an output, although the model looked for it.
    const texts = await textsBelow(work);
    expect([...texts].flatMap(([path, text]) => (text.includes(KEY) ? [path] : []))).toEqual([]);
    expect(`${stdout}${stderr}`).not.toContain(KEY);
    expect(all.get('tabula-1#1')?.turns[1]?.observation).toContain('PATH=');

    // The same command has nothing to do any more; another one is refused.
    const asked = completions.length;
    await rm(join(work, 'r', 'predictions.jsonl'));
    expect(await rollout('r', INSTANCES, { flags: [...flags, '--turns', '15'], key: KEY })).toMatchObject({
      code: 0,
      stdout,
    });
    expect(await readFile(join(work, 'r', 'predictions.jsonl'), 'utf8')).toMatch(/^(\{.*\}\n){6}$/);
    for (const other of [
      ['--turns', '16'],
      ['--turns', '15', '--top-k', '20'],
    ])
      expect(await rollout('r', INSTANCES, { flags: [...flags, ...other], key: KEY })).toMatchObject({
        ...{ code: 2, stderr: expect.stringContaining('[run_changed]') },
      });
    expect(completions).toHaveLength(asked);
  });

  test("ends an episode at its time, and one for the machine's fault with exit code 4: the same command tries that again", async () => {
    let isDown = true;
    const { rollout, trajectories, completions, assay, work } = await scene({
      reply: scripts({
        async 'tempo-3'({ turn }) {
          if (turn === 2 && isDown) await takeAwaySandbox(cache, idOf('tempo-3'));
          return turn === 1 ? mends('tempo-3') : turn === 2 ? says('ls') : SUBMIT;
        },
        'tempo-1': ({ turn }) => (turn === 1 ? mends('tempo-1') : { fault: 'silent' }),
        'tempo-2': ({ turn }) =>
          turn === 1 ? mends('tempo-2') : isDown ? status(500, 'out of memory') : SUBMIT,
      }),
    });
    const INSTANCES = ['tempo-1', 'tempo-2', 'tempo-3'];
    const flags = ['-j', '3', '--episode-timeout', '4', '--retries', '0', '--model-retries', '1'];
    const first = await rollout('r', INSTANCES, { flags });
    expect(first).toMatchObject({ code: 4, stdout: '' });
    expect(first.stderr).toContain("2 failed for the machine's fault");
    const before = await trajectories('r');
    expect(before.get('tempo-1#1')?.result).toMatchObject({
      ...{ end: 'episode_timeout', patch: expect.stringContaining('diff') },
    });
    expect(before.get('tempo-2#1')?.result).toMatchObject({
      ...{ end: 'policy_error', detail: expect.stringContaining('out of memory'), patch: null },
    });
    expect(before.get('tempo-3#1')?.result).toMatchObject({ end: 'sandbox_error', patch: null, turns: 1 });
    const ids = async () =>
      linesOf(await readFile(join(work, 'r', 'predictions.jsonl'), 'utf8')).map(
        (line) => line['instance_id'],
      );
    expect(await ids()).toEqual([idOf('tempo-1')]);
    isDown = false;
    const asked = completions.length;
    expect((await rollout('r', INSTANCES, { flags })).code).toBe(0);
    expect(completions.length - asked).toBe(1 + 2);
    const after = await trajectories('r');
    expect(after.get('tempo-1#1')).toEqual(before.get('tempo-1#1'));
    for (const id of ['tempo-2#1', 'tempo-3#1']) {
      expect(after.get(id)?.result?.end).toBe('submitted');
      expect(after.get(id)?.turns.slice(0, 1)).toEqual(before.get(id)?.turns);
    }
    expect(await ids()).toEqual(INSTANCES.map(idOf));
    expect((await assay('trajectories', 'replay', 'r', idOf('tempo-2'))).stdout).toContain('the same diff');
  });

  test('stops the group of an instance when one of it is resolved', async () => {
    let begun = 0;
    const { rollout, trajectories, work } = await scene({
      reply: async ({ turn, messages }) => {
        if (turn === 1) return ++begun === 1 ? mends('tabula-3') : says('true');
        const isFirst = messages.some(({ content }) => content.includes('git apply'));
        return isFirst ? SUBMIT : { fault: 'silent' };
      },
    });
    const { code, stdout, stderr } = await rollout('r', ['tabula-3'], {
      flags: ['-G', '4', '-j', '3', '--gradings', '1', '--eval', '--stop-group', '1', '--json'],
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const ends = [...(await trajectories('r')).values()].map(({ result }) => result?.end).sort();
    expect(ends).toEqual(['stopped_early', 'stopped_early', 'stopped_early', 'submitted']);
    expect(await verdicts(join(work, 'r'))).toMatchObject([{ outcome: 'resolved' }]);
    const types = linesOf(stdout).map(({ type }) => type as string);
    expect([types[0], types.at(-1)]).toEqual(['run_start', 'run_end']);
    expect(types.filter((type) => type === 'episode_start')).toHaveLength(4);
    expect(types.filter((type) => type === 'episode_end')).toHaveLength(4);
    expect(types.filter((type) => type === 'verdict')).toHaveLength(1);
    expect(new Set(types)).toEqual(
      new Set(['run_start', 'episode_start', 'episode_end', 'verdict', 'run_end']),
    );
  });

  test('ends at Ctrl-C when the running episodes have ended; the same command goes on', async () => {
    const kill: { now: () => void } = { now: () => undefined };
    const { rollout, trajectories, completions } = await scene({
      reply(asked) {
        if (asked.turn === 1) kill.now();
        return inTurn(says('sleep 0.5; echo 1 > new'), SUBMIT)(asked);
      },
    });
    const options = {
      flags: ['-j', '1'],
      onStart: (child: { kill: (signal: NodeJS.Signals) => void }) => {
        kill.now = () => child.kill('SIGINT');
      },
    };
    const INSTANCES = ['tempo-1', 'tempo-2', 'tempo-3'];
    const stopped = await rollout('r', INSTANCES, options);
    expect(stopped).toMatchObject({ code: 130, stderr: expect.stringContaining('Ctrl-C') });
    const before = await trajectories('r');
    expect([...before.values()].map(({ result }) => result?.end)).toEqual(['submitted']);
    expect(completions).toHaveLength(2);
    const next = await rollout('r', INSTANCES, { flags: ['-j', '1'] });
    expect(next.code).toBe(0);
    expect(completions).toHaveLength(6);
    const after = await trajectories('r');
    expect(after.size).toBe(3);
    for (const [id, trajectory] of before) expect(after.get(id)).toEqual(trajectory);
  });
});

describe('assay rollout --training', () => {
  const reply = scripts({
    'tabula-4': inTurn('Let me think: naïve 🙂 words', mends('tabula-4'), says('ls -a; echo größer'), SUBMIT),
    'tempo-4': failing(
      [{ fault: 'cut', text: 'half' }, status(500)],
      inTurn(`${says('ls')}${says('pwd')}`, says('x'.repeat(400)), SUBMIT),
    ),
  });

  test('sends on every turn the ids that were sampled, as they were recorded, and never others, also in the next run', async () => {
    let isDown = true;
    let refused = 0;
    const { rollout, trajectories, completions, assay } = await scene({
      ...{ sampling: () => ({}), weightVersion: () => 'step-7' },
      reply(asked) {
        if (!isDown || asked.turn < 3 || instanceOf(asked.messages) !== 'tabula-4') return reply(asked);
        refused++;
        return status(500);
      },
    });
    const flags = ['--training', '-G', '2', '-j', '2', '--seed', '3', '--max-tokens', '300'];
    const impatient = [...flags, '--retries', '0', '--model-retries', '1'];
    expect((await rollout('r', ['tabula-4', 'tempo-4'], { flags: impatient })).code).toBe(4);
    isDown = false;
    const { code, stderr } = await rollout('r', ['tabula-4', 'tempo-4'], { flags: impatient });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const all = await trajectories('r');
    const wanted: string[] = [];
    for (const { episode, turns, result } of all.values()) {
      expect(result?.end).toBe('submitted');
      const sequence: number[] = [];
      for (const turn of turns) {
        const { tokens, confirmed, decoding, weightVersion } = turn;
        if (tokens === undefined) throw new Error('no tokens');
        sequence.push(...tokens.contextIds);
        wanted.push(JSON.stringify(sequence));
        sequence.push(...tokens.sampledIds);
        expect(tokens.logprobs).toHaveLength(tokens.sampledIds.length);
        expect(confirmed).toEqual(decoding);
        const { temperature, topK, seed } = decoding;
        expect([temperature, topK, seed, weightVersion]).toEqual([1, -1, 2 + episode.sample, 'step-7']);
      }
    }
    // Two episodes of the same words send the same ids; what failed on the way was sent again.
    const sent = completions.map(({ prompt }) => JSON.stringify(prompt));
    expect(new Set(sent)).toEqual(new Set(wanted));
    const failed = 2;
    expect(refused).toBe(2 * 2);
    expect(sent).toHaveLength(wanted.length + failed + refused);
    expect(all.get('tempo-4#1')?.turns[1]).toMatchObject({
      finishReason: 'length',
      formatError: 'no_command',
    });
    expect((await assay('trajectories', 'replay', 'r')).code).toBe(0);
  });

  test.each<[string, Partial<PolicyServerOptions>, string | undefined, string]>([
    ['does not confirm its sampling', {}, undefined, 'sampling_unconfirmed'],
    ['samples with top_k', { sampling: () => ({ top_k: 20 }) }, undefined, 'sampling_unconfirmed'],
    ['refuses the key', { sampling: () => ({}), key: 'another' }, KEY, 'policy_refused'],
    ['has another model', { sampling: () => ({}), model: 'other' }, undefined, 'policy_refused'],
  ])('is refused at once by a server that %s', async (_, options, key, error) => {
    const { rollout, trajectories, completions, work } = await scene({ reply, ...options });
    const { code, stdout, stderr } = await rollout('r', ['tabula-4', 'tempo-4'], {
      flags: ['--training', '-j', '1'],
      ...(key === undefined ? {} : { key }),
    });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`[${error}]`) });
    expect(completions.length).toBeLessThanOrEqual(1);
    expect([...(await trajectories('r')).values()].flatMap(({ turns }) => turns)).toEqual([]);
    const texts = [...(await textsBelow(work)).values(), stdout, stderr];
    expect(texts.filter((text) => text.includes(KEY))).toEqual([]);
  });
});
