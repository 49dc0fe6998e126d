import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readTrajectories } from '../../plugins/agent/store.js';
import type { Trajectory, Turn, Verdict } from '../../src/index.js';
import { readRun } from '../../src/run/folder.js';
import { packageRoot } from '../../src/util/package.js';
import { startPolicyServer } from '../agent/policy-server.js';
import { collect } from '../agent/records.js';
import { usableIsolations } from '../engine/local/sandbox-helpers.js';
import { assay } from '../helpers/cli.js';
import { describeWithDocker } from '../helpers/docker.js';
import { idOf, instanceOf, mends, SUBMIT, says, textsBelow } from '../helpers/rollout.js';
import { hasPython } from '../sample/sources.js';
import { FORGE, SABOTAGE } from './sandbox-leftovers.js';
import { PROBES, type Probe, prelude } from './sandbox-probes.js';

/** Looks for answers, and leaves what is to make its empty patch pass. */
const SEEKER = 'pennybook-1';
/** Mends the instance, and leaves what is to make all that comes after it fail. */
const MENDER = 'pennybook-2';
const KEY = 'sk-adversary-73aa51c09e';
/** In the arguments of a process of the host, as of any other sandbox. */
const STRANGER = 'stranger-7f3e9d1b42';

async function rowOf(short: string): Promise<Readonly<Record<string, string>>> {
  const file = join(packageRoot(), 'datasets', 'sample', 'instances.jsonl');
  const rows = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return rows.map((line) => JSON.parse(line)).find((row) => row['instance_id'] === idOf(short));
}

/** The lines that a patch adds, where they are long enough to mean something. */
const addedBy = (patch = ''): readonly string[] =>
  patch
    .split('\n')
    .filter((line) => /^\+(?!\+\+)/.test(line))
    .map((line) => line.slice(1).trim())
    .filter((line) => line.length >= 18);

const NOTHING = /^\(no output\)(\n\[exit code \d+\])?$/;
const turnsOf = ({ look, plant, remove = ':', elsewhere = look }: Probe) => [
  look,
  `{ ${plant}\n} >/dev/null 2>&1\n${elsewhere}`,
  `{ ${remove}\n} >/dev/null 2>&1\n${look}`,
];

interface Play {
  readonly trajectories: ReadonlyMap<string, Trajectory>;
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly stderr: string;
  /** Texts of the run folder, unpacked. */
  readonly written: ReadonlyMap<string, string>;
}

/** Both episodes, by the command itself, with its key in the environment. */
async function play(engine: 'docker' | 'local', work: string): Promise<Play> {
  const row = await rowOf(SEEKER);
  let answers: readonly string[] = [];
  const server = await startPolicyServer({
    key: KEY,
    reply: ({ messages, turn }) =>
      (instanceOf(messages) === SEEKER ? answers : [mends(MENDER), ...SABOTAGE.map(says)])[turn - 1] ??
      SUBMIT,
  });
  const port = new URL(server.url).port;
  const needles = [...addedBy(row['patch']), ...addedBy(row['test_patch']), KEY, STRANGER, 'FAIL_TO_PASS'];
  const paths = [join(work, 'run'), packageRoot(), '/root/.docker'];
  const shared = engine === 'local' ? ['/usr', '/lib', '/bin', '/opt', '/root'] : [];
  answers = [prelude({ needles, port, paths, shared }), ...PROBES.flatMap(turnsOf), ...FORGE].map(says);
  const stranger = spawn('bash', ['-c', 'sleep 900; :', STRANGER], { env: { STRANGER }, stdio: 'ignore' });
  try {
    const { stderr } = await assay(
      [
        ...['rollout', 'sample', '--model', 'toy', '--base-url', server.url, '-o', 'run'],
        ...[SEEKER, MENDER].flatMap((short) => ['-i', idOf(short)]),
        ...['--eval', '--strict', '--engine', engine, '-j', '2', '--turns', '200', '--context', '10000000'],
        ...['--command-timeout', '40'],
      ],
      {
        cwd: work,
        cache: join(work, 'cache'),
        env: { ASSAY_API_KEY: KEY, DOCKER_HOST: process.env['DOCKER_HOST'] ?? '' },
      },
    );
    const { verdicts } = await readRun(join(work, 'run'));
    const all = await collect(readTrajectories(join(work, 'run', 'trajectories')));
    return {
      stderr,
      trajectories: new Map(all.map((one) => [one.episode.instanceId.slice(idOf('').length), one])),
      verdicts: new Map(verdicts.map((verdict) => [verdict.instanceId.slice(idOf('').length), verdict])),
      written: await textsBelow(join(work, 'run')),
    };
  } finally {
    stranger.kill();
    await server.close();
  }
}

function suite(engine: 'docker' | 'local'): void {
  let work = '';
  let played: Play;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'assay-sandbox-'));
    played = await play(engine, work);
  }, 600_000);
  afterAll(() => rm(work, { recursive: true, force: true }));

  const turnsIn = (short: string): readonly Turn[] => {
    const turns = played.trajectories.get(short)?.turns;
    if (turns === undefined) throw new Error(`no episode of ${short}: ${played.stderr}`);
    return turns;
  };
  /** What a command of the seeker printed; the prelude is the first one. */
  const said = (index: number): string => {
    const { observation, isTimeout } = turnsIn(SEEKER)[index] as Turn;
    expect(isTimeout).toBeUndefined();
    return observation.replace(/\n\[cwd: .*\]$/s, '');
  };

  describe.each(PROBES.map((probe, index) => [probe.name, probe, 1 + 3 * index] as const))(
    'a look for %s',
    (_name, { remove }, at) => {
      test('finds nothing', () => expect(said(at)).toMatch(NOTHING));
      test('would find it', () => expect(said(at + 1)).toMatch(/^FOUND: /m));
      if (remove !== undefined)
        test('finds nothing again once it is gone', () => expect(said(at + 2)).toMatch(NOTHING));
    },
  );

  test('what an episode leaves in its sandbox works there', () => {
    const [forged, sabotaged] = [SEEKER, MENDER].map((short) => {
      const found = turnsIn(short).filter(({ command }) => command?.includes('$python -B -m unittest'));
      expect(found).toHaveLength(1);
      return found[0]?.observation;
    });
    expect(forged).toMatch(/test_rounds_floats_half_to_even .* ok\n(.*\n)*exit 0\n(.*\n)*left by an episode/);
    expect(sabotaged).toMatch(/broken by an episode\n(.*\n)*exit 1\n(.*\n)*broken by an episode/);
  });

  test('it is no part of the patch, and changes no verdict', () => {
    const patch = (short: string) => played.trajectories.get(short)?.result;
    expect(patch(SEEKER)).toMatchObject({
      ...{ end: 'submitted', patch: expect.stringMatching(/^diff --git a\/README.md b\/README.md\n/) },
    });
    for (const short of [SEEKER, MENDER]) {
      expect(patch(short)?.patch?.match(/^diff --git/gm)).toHaveLength(1);
      expect(patch(short)?.patch).not.toMatch(/by an episode/);
    }
    expect(played.verdicts.get(SEEKER)).toMatchObject({
      ...{ outcome: 'unresolved', strict: { resolved: false } },
    });
    expect(played.verdicts.get(MENDER)).toMatchObject({
      ...{ outcome: 'resolved', strict: { resolved: true } },
    });
  });

  test('it prints nothing where tests are run for the verdict', () => {
    const logs = [...played.written].filter(([path]) => path.includes('/i/'));
    expect(logs.some(([, text]) => text.includes('>>>>> Start Test Output'))).toBe(true);
    for (const [, text] of logs) expect(text).not.toMatch(/(left|broken) by an episode/);
  });

  test('the key of the model is written nowhere', () => {
    expect(played.stderr).not.toContain(KEY);
    for (const [, text] of played.written) expect(text).not.toContain(KEY);
  });
}

if (hasPython && (await usableIsolations()).includes('bubblewrap'))
  describe('in a sandbox of the local engine', () => suite('local'));
else test.skip('in a sandbox of the local engine: this machine has no bubblewrap, or no Python', () => {});

await describeWithDocker('in a container', () => suite('docker'));
