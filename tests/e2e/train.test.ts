import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { preparedPython } from '../../plugins/trainer/environment.js';
import { isObject, packageRoot } from '../../src/index.js';
import { readVerdicts } from '../../src/run/folder.js';
import { assay } from '../helpers/cli.js';
import { cacheFolder, describeWithTrainer } from '../helpers/trainer.js';

interface Row {
  readonly instance_id: string;
  readonly patch: string;
}

const ROWS = readFileSync(join(packageRoot(), 'datasets', 'sample', 'drills', 'instances.jsonl'), 'utf8')
  .split('\n')
  .slice(0, 2)
  .map((line) => JSON.parse(line) as Row);

const block = (command: string) => `\`\`\`bash\n${command}\n\`\`\``;

/** The edit that a drill's gold patch makes, as a command. */
function editOf({ patch }: Row): string {
  const file = /^\+\+\+ b\/(\S+)$/m.exec(patch)?.[1];
  const [name, right] = /^\+(\w+)\(\) \{ (\w+) /m.exec(patch)?.slice(1) ?? [];
  return `sed -i '/^${name}()/s/{ [a-z]*/{ ${right}/' ${file}`;
}

/** All that this model can say: a turn is one token. */
const WORDS = [...ROWS.map((row) => block(editOf(row))), block('echo SUBMIT_MY_CHANGES'), block('true')];
const SPECIAL = ['<pad>', '<end>', '<user>', '<assistant>', '<unk>'];
/** Two that differ: by such words the policy finds what the template puts after an answer. */
const LETTERS = ['a', 'b'];

await describeWithTrainer('assay train', () => {
  let folder = '';
  let cache = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-train-'));
    cache = join(folder, 'cache');
    await writeTokenizer(join(folder, 'tokenizer'));
    const config = {
      preset: 'golubev2025-stage1',
      dataset: { name: 'drills', selection: { ids: ROWS.map((row) => row.instance_id) } },
      model: { config: MODEL, tokenizer: join(folder, 'tokenizer'), checkpointing: false },
      trainer: { python: await preparedPython(cacheFolder) },
      policy: { maxTokens: 1 },
      episode: { scaffold: 'bash', turns: 5, contextTokens: 4000, sandboxes: 4, gradings: 2 },
      algorithm: { problems: 2, group: 6, batch: 6, turnThreshold: 4 },
      optimizer: { learningRate: 0.003, warmupSteps: 0 },
      iterations: 3,
      output: { folder: 'out', keepCheckpoints: 1 },
    };
    await writeFile(join(folder, 'config.yaml'), JSON.stringify(config));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const train = (onStart?: (child: ChildProcess) => void) =>
    assay(['train', 'dapo', '--config', 'config.yaml'], {
      ...{ cwd: folder, cache, env: { OMP_NUM_THREADS: '1' } },
      ...(onStart === undefined ? {} : { onStart }),
    });
  const journal = (): readonly Record<string, unknown>[] => {
    const path = join(folder, 'out', 'journal.jsonl');
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const iterations = () => journal().filter(({ type }) => type === 'iteration');

  test('learns from tests that run; killed in the middle, the same command goes on', async () => {
    let watch: NodeJS.Timeout | undefined;
    const killed = await train((child) => {
      watch = setInterval(() => {
        if (iterations().length === 1) child.kill('SIGKILL');
      }, 20);
    });
    clearInterval(watch);
    expect([killed.signal, killed.signal === null ? killed.stderr : '']).toEqual(['SIGKILL', '']);
    const before = iterations();

    const { code, stderr, stdout } = await train();
    expect(stderr).not.toContain('computed once more');
    expect([code, stdout.trim()]).toEqual([0, 'Model: out/checkpoints/0003/model']);
    expect(iterations().map(({ iteration }) => iteration)).toEqual([1, 2, 3]);
    expect(iterations()[0]).toEqual(before[0]);
    for (const iteration of ['0001', '0002', '0003']) {
      const verdicts = await readVerdicts(join(folder, 'out', 'iterations', iteration));
      expect(verdicts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
    }
    const steps = journal().filter(({ type }) => type === 'step');
    expect(steps.length).toBeGreaterThan(0);
    expect(new Set(steps.map(({ step }) => step)).size).toBe(steps.length);
    // The server samples from the trained weights: its log-probabilities are the trainer's.
    for (const { metrics } of iterations())
      if (isObject(metrics) && typeof metrics['train/mismatch_abs'] === 'number')
        expect(metrics['train/mismatch_abs']).toBeLessThan(1e-4);
    expect(readdirSync(join(folder, 'out', 'checkpoints'))).toEqual(['0003']);
    expect(readdirSync(join(folder, 'out', 'tensorboard'))).toEqual(['iterations', 'steps']);
  }, 240_000);

  test('shows a training on a page, and refuses other settings in its folder', async () => {
    const show = await assay(['train', 'show', 'out'], { cwd: folder, cache });
    const [heading, ...rows] = show.stdout.split('\n');
    expect(heading).toContain('Pass@1');
    expect(rows.slice(0, 3).map((row) => row.trim().split(/\s+/)[0])).toEqual(['1', '2', '3']);
    const config = JSON.parse(readFileSync(join(folder, 'config.yaml'), 'utf8')) as { algorithm: object };
    const other = { ...config, algorithm: { ...config.algorithm, clipHigh: 0.26 } };
    await writeFile(join(folder, 'other.yaml'), JSON.stringify(other));
    const refused = await assay(['train', 'dapo', '--config', 'other.yaml'], { cwd: folder, cache });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('another algorithm')]);
  }, 60_000);
});

const MODEL = {
  model_type: 'qwen2',
  vocab_size: SPECIAL.length + LETTERS.length + WORDS.length,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: 4096,
};

async function writeTokenizer(path: string): Promise<void> {
  const all = [...SPECIAL, ...LETTERS, ...WORDS];
  const tokenizer = {
    version: '1.0',
    added_tokens: all.map((content, id) => ({
      ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false },
      special: id < SPECIAL.length,
    })),
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(all.map((word, id) => [word, id])),
      unk_token: '<unk>',
    },
  };
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'tokenizer.json'), JSON.stringify(tokenizer));
  const config = {
    ...{
      tokenizer_class: 'PreTrainedTokenizerFast',
      unk_token: '<unk>',
      eos_token: '<end>',
      pad_token: '<pad>',
    },
    chat_template:
      "{% for m in messages %}{% if m['role'] == 'assistant' %}<assistant>{% else %}<user>{% endif %}{{ m['content'] }}<end>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
  };
  await writeFile(join(path, 'tokenizer_config.json'), JSON.stringify(config));
}
