import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DapoConfig } from '../../../plugins/dapo/config.js';
import { resolveDapo } from '../../../plugins/dapo/config.js';
import type { DapoRun } from '../../../plugins/dapo/train.js';
import { planEpochs, tokensWithLoss } from '../../../plugins/rft/batches.js';
import { resolveRft } from '../../../plugins/rft/config.js';
import { preparedPython } from '../../../plugins/trainer/environment.js';
import { localTrainer } from '../../../plugins/trainer/local.js';
import { learningRate } from '../../../plugins/trainer/schedule.js';
import type { ScoredTrajectory } from '../../../plugins/trainer/scored.js';
import type { Sequence } from '../../../plugins/trainer/trainer.js';
import type { Host } from '../../../src/cli/host.js';
import { runDapo } from '../../../src/cli/train-dapo.js';
import { type Shared, withTraining } from '../../../src/cli/train-ground.js';
import { runRft } from '../../../src/cli/train-rft.js';
import { packageRoot, seededRandom, shuffled } from '../../../src/index.js';
import { hasCode } from '../../../src/util/files.js';
import { demonstrations } from './corpus.js';
import type { Outcomes } from './table.js';

/** All that is chosen for the miniature. */
export interface Scale {
  readonly demonstrations: number;
  /** Share of demonstrations in which something goes wrong. */
  readonly slips: number;
  readonly iterations: number;
  /** Problems of an iteration. */
  readonly problems: number;
  readonly group: number;
  /** Episodes of each problem for RFT. */
  readonly samples: number;
  /** Runs of each held-out problem. */
  readonly runs: number;
}

/** A seed's work: its folder, its model, its problems. */
export interface Ground {
  readonly folder: string;
  readonly seed: number;
  readonly scale: Scale;
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
  readonly host: Host;
  readonly shared: Shared;
}

/** About 0.5 million parameters. */
const MODEL = {
  ...{
    model_type: 'qwen2',
    architectures: ['Qwen2ForCausalLM'],
    vocab_size: 512,
    max_position_embeddings: 512,
  },
  ...{ hidden_size: 128, intermediate_size: 384, num_hidden_layers: 2 },
  ...{ num_attention_heads: 4, num_key_value_heads: 4, tie_word_embeddings: true, initializer_range: 0.08 },
  rope_parameters: { rope_type: 'default', rope_theta: 100 },
};
const FORMAT = { learningRate: 2e-3, batch: 16, warmupSteps: 10 };
const ADAM = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.1 } as const;
const TURNS = 6;

/** Trains a random model on the format alone (`corpus.ts`): the weak base. Resolves with its folder. */
export async function formatted({ folder, seed, scale, host }: Ground): Promise<string> {
  const out = join(folder, 'base');
  if (await isThere(join(out, 'checkpoint.json'))) return join(out, 'model');
  await mkdir(folder, { recursive: true });
  const corpus = await demonstrations({ count: scale.demonstrations, seed, slips: scale.slips });
  const lines = corpus.map(({ messages }) => `${JSON.stringify({ messages })}\n`);
  await writeFile(join(folder, 'corpus.jsonl'), lines.join(''));
  const tokenizer = join(folder, 'tokenizer');
  await python(join(folder, 'corpus.jsonl'), tokenizer, host);
  const sequences = await readSequences(join(tokenizer, 'sequences.jsonl'));
  const trainer = await localTrainer({
    ...{ cacheFolder: host.cacheDir, env: oneThread(host).env, processes: 1, clock: host.clock },
    ...{ workFolder: join(folder, 'work'), logFile: join(folder, 'base.log') },
    signal: new AbortController().signal,
  });
  try {
    await trainer.load({
      ...{
        model: { config: MODEL, tokenizer },
        optimizer: ADAM,
        seed,
        microBatchTokens: 4096,
        checkpointing: false,
      },
    });
    const steps = planEpochs(sequences, { seed, batch: FORMAT.batch, epochs: 1 });
    const schedule = { peak: FORMAT.learningRate, warmupSteps: FORMAT.warmupSteps, decay: 'cosine' } as const;
    for (const [index, batch] of steps.entries()) {
      await trainer.accumulate(batch, { kind: 'cross_entropy', normalizer: tokensWithLoss(batch) });
      await trainer.step({ learningRate: learningRate(index, steps.length, schedule), gradientClip: 1 });
    }
    await trainer.save(out);
  } finally {
    await trainer.stop();
  }
  return join(out, 'model');
}

/** `assay train rft` on the train problems. */
export async function tuned(ground: Ground, model: string, name: string): Promise<string> {
  const { settings } = resolveRft({
    ...common(ground, { model, name, problems: ground.train }),
    preset: 'golubev2025-rft',
    rollouts: { demonstration: false, samples: ground.scale.samples },
    algorithm: { batch: 4, epochs: 2 },
    optimizer: { learningRate: 2e-3, warmupSteps: 3 },
  });
  return join(await runRft(ARGS, settings, quiet(ground.host), ground.shared), 'model');
}

/** `assay train dapo` on the train problems. */
export async function reinforced(
  ground: Ground,
  model: string,
  { name, around }: { readonly name: string; readonly around?: (play: DapoRun['play']) => DapoRun['play'] },
): Promise<string> {
  const { scale } = ground;
  const settings = dapoSettings(ground, { model, name, problems: ground.train });
  const full = { ...settings, iterations: scale.iterations };
  const shared = around === undefined ? ground.shared : { ...ground.shared, around };
  return join(await runDapo(ARGS, full, quiet(ground.host), shared), 'model');
}

/** The held-out problems, each played so many times. */
export async function evaluated(ground: Ground, model: string, name: string): Promise<Outcomes> {
  const settings = dapoSettings(ground, { model, name, problems: ground.heldOut });
  const { heldOut, scale, host, shared } = ground;
  return withTraining(
    ARGS,
    settings,
    quiet(host),
    async (training) => {
      const trainer = await training.openTrainer();
      try {
        await trainer.load(training.load);
        const { url } = await trainer.sync(training.target);
        const { episodes } = await training.play({
          ...{ name: 'runs', problems: heldOut, samples: scale.runs, url, model: training.model },
          ...{ demonstration: false, temperature: 1, purpose: 'eval', over: trainer.over },
        });
        const outcomes = new Map(heldOut.map((id): [string, boolean[]] => [id, []]));
        for await (const { trajectory, outcome } of episodes()) {
          const { instanceId, sample } = trajectory.episode;
          if (outcome === null) throw new Error(`${trajectory.episode.episodeId} has no score`);
          const own = outcomes.get(instanceId);
          if (own !== undefined) own[sample - 1] = outcome === 1;
        }
        return [...outcomes.values()];
      } finally {
        await trainer.stop();
      }
    },
    shared,
  );
}

/** Gives the outcomes of an iteration's episodes to other ones of them, by chance: the control, in which a reward says nothing. */
export function shuffledRewards(seed: number): (play: DapoRun['play']) => DapoRun['play'] {
  return (play) => async (asked) => {
    const { episodes } = await play(asked);
    const all: (readonly [string, ScoredTrajectory['outcome']])[] = [];
    for await (const { trajectory, outcome } of episodes()) all.push([trajectory.episode.episodeId, outcome]);
    const drawn = shuffled(
      all.map(([, outcome]) => outcome),
      seededRandom(seed * 1000 + asked.iteration),
    );
    const given = new Map(all.map(([id], at) => [id, drawn[at] ?? null]));
    return {
      async *episodes(ids) {
        for await (const one of episodes(ids))
          yield { ...one, outcome: given.get(one.trajectory.episode.episodeId) ?? null };
      },
    };
  };
}

const ARGS = { config: '', quiet: true };

interface Named {
  readonly model: string;
  readonly name: string;
  readonly problems: readonly string[];
}

function common({ folder, seed }: Ground, { model, name, problems }: Named) {
  return {
    ...{
      dataset: { name: 'drills', selection: { ids: problems } },
      seed,
      output: { folder: join(folder, name) },
    },
    model: { folder: model, checkpointing: false, microBatchTokens: 4096 },
    policy: { maxTokens: 40 },
    episode: { scaffold: 'bash', turns: TURNS, contextTokens: 400, sandboxes: 24, gradings: 2 },
  };
}

function dapoSettings(ground: Ground, named: Named): DapoConfig {
  const { problems, group } = ground.scale;
  return resolveDapo({
    ...common(ground, named),
    preset: 'golubev2025-stage1',
    // Whole groups: a step that has only a part of one learns from its luck.
    algorithm: { problems, group, batch: 2 * group, split: 'last', turnThreshold: TURNS - 2 },
    optimizer: { learningRate: 6e-4, warmupSteps: 0, weightDecay: 0.01 },
  }).settings;
}

/** What trainings say goes nowhere; the phases have lines of their own. */
function quiet(host: Host): Host {
  return { ...oneThread(host), err: () => undefined, out: () => undefined };
}

/** A second thread costs a model that small more than it does, and sandboxes need the other core. */
function oneThread(host: Host): Host {
  return { ...host, env: { ...host.env, OMP_NUM_THREADS: '1' } };
}

async function python(corpus: string, folder: string, host: Host): Promise<void> {
  const script = join(packageRoot(), 'tests', 'bench', 'reproduce', 'tokenizer.py');
  const child = spawn(await preparedPython(host.cacheDir), [script, corpus, folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
}

async function readSequences(path: string): Promise<readonly Sequence[]> {
  const sequences: Sequence[] = [];
  for await (const line of createInterface({ input: createReadStream(path) }))
    sequences.push(JSON.parse(line) as Sequence);
  return sequences;
}

async function isThere(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    (error: unknown) => {
      if (hasCode(error, 'ENOENT')) return false;
      throw error;
    },
  );
}
