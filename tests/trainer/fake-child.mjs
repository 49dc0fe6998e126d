#!/usr/bin/env node
// A child that speaks the trainer's protocol as SCENE says: `op:what` pairs, e.g. `step:die`. All else is answered well.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const scene = new Map((process.env.SCENE ?? '').split(',').map((pair) => pair.split(':')));
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const log = (request) =>
  process.env.REQUESTS && writeFileSync(process.env.REQUESTS, `${JSON.stringify(request)}\n`, { flag: 'a' });

const HELLO = {
  protocol: 1,
  device: 'cpu',
  dtype: 'float32',
  processes: 1,
  capabilities: {
    losses: ['cross_entropy', 'policy'],
    ratio_levels: ['token', 'sequence'],
    entropy: true,
    context_parallel: false,
    lora: true,
    sync: ['embedded', 'vllm_reload'],
  },
  versions: { python: '3.11.7', cuda: null },
};
const SUMS = {
  loss: 1.5,
  tokens: 3,
  entropy: 2,
  ratio: 3,
  clipped_low: 0,
  clipped_high: 1,
  clipped_dual: 0,
  kl_old: 0.1,
  mismatch_kl: 0,
  mismatch_abs: 0,
  mismatch_tokens: 0,
  tis_capped: 0,
  non_finite: 0,
};

function scores({ batch, out }) {
  const bytes = readFileSync(batch.path);
  const total = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE()))).input_ids.shape[0];
  const values = Float32Array.from({ length: 2 * total }, (_, i) => -i);
  const header = JSON.stringify({
    __metadata__: { format: 'pt' },
    logprobs: { dtype: 'F32', shape: [total], data_offsets: [0, 4 * total] },
    entropies: { dtype: 'F32', shape: [total], data_offsets: [4 * total, 8 * total] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = Buffer.concat([length, Buffer.from(header), Buffer.from(values.buffer)]);
  writeFileSync(out, file);
  return { file: { path: out, sha256: createHash('sha256').update(file).digest('hex') } };
}

const RESULTS = {
  hello: () => HELLO,
  load: ({ resume }) => ({
    weight_version: resume ? '7' : '0',
    parameters: 10,
    vocabulary: 8,
    context: 64,
    last_seq: resume ? 41 : null,
  }),
  logprobs: scores,
  accumulate: () => SUMS,
  step: () => ({ gradient_norm: null, weight_version: '0' }),
  save: ({ folder }) => ({
    weight_version: '0',
    files: [{ name: `${folder}/state.json`, bytes: 2, sha256: 'ab' }],
  }),
  sync: () => ({ weight_version: '0', url: 'http://127.0.0.1:1/v1' }),
  stop: () => ({}),
};

function act(what, { id }) {
  if (what === 'die') {
    console.error('Traceback (most recent call last):\n  boom');
    process.exit(3);
  }
  if (what === 'killed') process.kill(process.pid, 'SIGKILL');
  if (what === 'nopackage') {
    console.error("ModuleNotFoundError: No module named 'torch'");
    process.exit(1);
  }
  if (what === 'garbage') return process.stdout.write('Loading weights: 100%\n');
  if (what === 'huge') return process.stdout.write(Buffer.alloc(17 * 2 ** 20, 0x61));
  if (what === 'hang') return;
  if (what === 'offspring') {
    // As torchrun's workers: a session of its own.
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    return writeFileSync(process.env.OFFSPRING, String(child.pid));
  }
  if (what === 'other') return say({ id: id + 1, ok: true, result: {} });
  if (what === 'misfit') return say({ id, ok: true, result: { loss: 'much' } });
  if (what === 'twice')
    return process.stdout.write(`${JSON.stringify({ id, ok: true, result: SUMS })}\n{}\n`);
  say({ id, ok: false, error: { code: what, message: 'as scripted', retryable: false } });
}

if (scene.has('flood')) for (let i = 0; i < 2000; i++) console.error(`${i} ${'x'.repeat(1000)}`);
createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  log(request);
  if (process.env.KEEP && request.batch) copyFileSync(request.batch.path, process.env.KEEP);
  const what = scene.get(request.op);
  if (what !== undefined) return act(what, request);
  say({ id: request.id, ok: true, result: RESULTS[request.op](request) });
  if (request.op === 'stop' && !scene.has('staysup')) process.exit(0);
});
if (scene.has('staysup')) setInterval(() => {}, 1000);
