import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { realHost } from '../../../src/cli/host.js';
import { packageRoot } from '../../../src/index.js';
import { knownVerdicts } from '../../../src/run/known.js';
import {
  evaluated,
  formatted,
  type Ground,
  reinforced,
  type Scale,
  shuffledRewards,
  tuned,
} from './phases.js';
import { drillScaffold } from './scaffold.js';
import { type Stage, tableOf } from './table.js';

/**
 * `npm run reproduce:mini -- [--seeds 1,2,3] [--control 1] [--output FOLDER]`: the paper's table 1 in miniature. Of a small model with random weights, on the
 * drills of the sample benchmark: base (format alone), + RFT, + DAPO, and for the seeds of `--control` DAPO with shuffled rewards. Episodes run in sandboxes, rewards come
 * from tests that run. With `--output`, what is there is gone on with.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    control: { type: 'string', default: '1' },
    output: { type: 'string' },
  },
});

const scale: Scale = {
  ...{ demonstrations: 5000, slips: 0.5, samples: 20, iterations: 12, problems: 16, group: 10, runs: 10 },
};

const numbers = (text: string) => text.split(',').filter(Boolean).map(Number);

interface Row {
  readonly instance_id: string;
  readonly split: string;
}

const folder =
  values.output === undefined ? await mkdtemp(join(tmpdir(), 'assay-mini-')) : resolve(values.output);
const rows = readFileSync(join(packageRoot(), 'datasets', 'sample', 'drills', 'instances.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);
const idsOf = (split: string) => rows.filter((row) => row.split === split).map((row) => row.instance_id);
const shared = { scaffold: drillScaffold, known: knownVerdicts({ strict: true }) };
const host = realHost();
const started = performance.now();
const say = (words: string) =>
  host.err(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${words}`);

for (const seed of numbers(values.seeds)) {
  const ground: Ground = {
    ...{ folder: join(folder, `seed-${seed}`), seed, scale, host, shared },
    ...{ train: idsOf('train'), heldOut: idsOf('heldout') },
  };
  const stages: Stage[] = [];
  const measure = async (name: string, model: string, against?: string) => {
    say(`seed ${seed}: evaluating ${name}`);
    const outcomes = await evaluated(ground, model, `eval-${name.replaceAll(/\W+/g, '-')}`);
    stages.push({ name, outcomes, ...(against === undefined ? {} : { against }) });
  };
  say(`seed ${seed}: format`);
  const base = await formatted(ground);
  await measure('base', base);
  say(`seed ${seed}: RFT`);
  const rft = await tuned(ground, base, 'rft');
  await measure('+ RFT', rft, 'base');
  say(`seed ${seed}: DAPO`);
  await measure('+ DAPO', await reinforced(ground, rft, { name: 'dapo' }), '+ RFT');
  if (numbers(values.control).includes(seed)) {
    say(`seed ${seed}: DAPO with shuffled rewards`);
    const control = await reinforced(ground, rft, { name: 'control', around: shuffledRewards(seed) });
    await measure('+ shuffled rewards', control, '+ RFT');
  }
  host.out(tableOf(seed, stages));
}
host.out(`${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
if (values.output === undefined) await rm(folder, { recursive: true, force: true });
