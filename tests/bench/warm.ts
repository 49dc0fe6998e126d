import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { realHost } from '../../src/cli/host.js';
import { loadInstances } from '../../src/cli/inputs.js';
import type { Verdict } from '../../src/index.js';
import type { ScoreResponse } from '../../src/model/score.js';
import { canonicalJson } from '../../src/util/hash.js';
import { post, startService } from '../helpers/service.js';

/**
 * `npm run bench:warm -- DATASET ID...`: seconds from the arrival of the gold patch to its reward, cold (no container waits, the script runs whole)
 * and warm (the instance was announced, and `assay prove` has allowed its re-install to be left out), in turn; their medians, the ratio, where the time
 * goes, and whether the verdicts agree. ROUNDS and LEAD (seconds between announcement and patch) are read from the environment.
 */
const [dataset, ...ids] = process.argv.slice(2);
if (dataset === undefined || ids.length === 0) throw new Error('usage: npm run bench:warm -- DATASET ID...');
const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const LEAD_MS = 1000 * Number(process.env['LEAD'] ?? 20);
const host = realHost();
const { instances } = await loadInstances({ dataset, id: ids }, host);

interface Measured {
  readonly seconds: number;
  readonly verdict: Verdict;
}

/** One service, one request; both are fresh, so that nothing is answered from memory. */
async function measure(instanceId: string, patch: string, flags: readonly string[]): Promise<Measured> {
  const state = mkdtempSync(join(tmpdir(), 'assay-warm-'));
  const args = [dataset as string, '--id', instanceId, '--engine', 'docker', '-j', '1', '--state', state];
  const service = await startService([...args, ...flags], { cache: host.cacheDir });
  try {
    if (!flags.includes('always')) {
      await post(`${service.url}/v1/prepare`, { instance_ids: [instanceId] });
    }
    // Cold ones wait, too: the machine is as quiet for both.
    await pause(LEAD_MS);
    const from = performance.now();
    const { body } = await post<ScoreResponse>(`${service.url}/v1/score`, { instance_id: instanceId, patch });
    const seconds = (performance.now() - from) / 1000;
    if (body.verdict === null) throw new Error(`${instanceId}: no verdict: ${JSON.stringify(body.failure)}`);
    return { seconds, verdict: body.verdict };
  } finally {
    await service.stop();
    rmSync(state, { recursive: true, force: true });
  }
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const words = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');
const phases = (all: readonly Measured[]) =>
  Object.keys(all[0]?.verdict.seconds ?? {})
    .map((phase) => `${phase} ${median(all.map(({ verdict }) => verdict.seconds[phase] ?? 0)).toFixed(2)}`)
    .join(', ');
/** What a reward is made of. */
const essence = ({ verdict: { outcome, reason, exitCode, tests, strict } }: Measured) =>
  canonicalJson({ outcome, reason, exitCode, tests, strict: strict?.resolved });

for (const { instanceId, patch } of instances) {
  const cold: Measured[] = [];
  const warm: Measured[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    cold.push(await measure(instanceId, patch, ['--reinstall', 'always', '--warm', '0']));
    warm.push(await measure(instanceId, patch, ['--reinstall', 'auto', '--warm', '1']));
  }
  const all = [...cold, ...warm];
  const skipped = warm.filter(({ verdict }) => verdict.reinstall === 'skipped').length;
  const same = new Set(all.map(essence)).size === 1;
  const [slow, fast] = [cold, warm].map((some) => some.map(({ seconds }) => seconds)) as [number[], number[]];
  console.log(
    `${instanceId}: ${all[0]?.verdict.outcome}; ${skipped} of ${ROUNDS} warm ones without the re-install`,
  );
  console.log(`  cold ${words(slow)} s; median ${median(slow).toFixed(2)}: ${phases(cold)}`);
  console.log(`  warm ${words(fast)} s; median ${median(fast).toFixed(2)}: ${phases(warm)}`);
  console.log(`  ratio of the medians ${(median(slow) / median(fast)).toFixed(2)}`);
  console.log(
    `  outcome, reason, exit code, lists of tests and strict verdict ${same ? 'the same in all' : 'DIFFER'}`,
  );
  if (!same) process.exitCode = 1;
}
