import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/util/package.js';
import { startPolicyServer } from '../agent/policy-server.js';

/**
 * `npm run bench:rollout -- [EPISODES] [TURNS] [SECONDS]`: that many episodes at once (a multiple of 32) on the sample benchmark with the local engine, each of so many
 * turns, with a model in another process that thinks for so many seconds. Prints the milliseconds from an answer of the model to the next request of its
 * conversation, in which one command runs (`true`), the memory of assay while it runs, and what was left of sandboxes and processes.
 */
const numbers = process.argv
  .slice(2)
  .filter((arg) => /^[\d.]+$/.test(arg))
  .map(Number);
const [episodes = 512, turns = 10, think = 5] = numbers;
const INSTANCES = 32;

/** The model, in a process of its own: it also measures. */
async function serve(): Promise<void> {
  const answered = new Map<string, number>();
  const gaps: number[] = [];
  let conversations = 0;
  const server = await startPolicyServer({
    async reply({ messages, turn }) {
      // Its own first answer names a conversation.
      const name = messages[2]?.content ?? `I am ${++conversations}.`;
      const before = answered.get(name);
      if (before !== undefined) gaps.push(performance.now() - before);
      await sleep(think * 1000 * (0.5 + Math.random()));
      answered.set(turn === 1 ? `${name}\n${ACT}` : name, performance.now());
      return turn >= turns ? SUBMIT : turn === 1 ? `${name}\n${ACT}` : ACT;
    },
  });
  process.on('message', () => process.send?.(gaps));
  process.send?.(server.url);
}
const ACT = '```command\ntrue\n```';
const SUBMIT = '```command\nsubmit\n```';

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-rollout-'));
  const cache = join(folder, 'cache');
  const model = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), 'serve']);
  const [url] = (await once(model, 'message')) as [string];
  const main = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');
  const flags = [
    '-G',
    `${Math.ceil(episodes / INSTANCES)}`,
    '-j',
    `${episodes}`,
    '--turns',
    `${turns}`,
    '-o',
    join(folder, 'run'),
  ];
  const from = performance.now();
  const run = spawn(
    process.execPath,
    [main, 'rollout', 'sample', '--model', 'toy', '--base-url', url, ...flags],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ASSAY_CACHE: cache },
    },
  );
  const megabytes: number[] = [];
  const watch = setInterval(() => megabytes.push(memoryOf(run.pid ?? 0)), 1000);
  const [code] = (await once(run, 'exit')) as [number | null];
  clearInterval(watch);
  const seconds = (performance.now() - from) / 1000;
  model.send('gaps');
  const [gaps] = (await once(model, 'message')) as [number[]];
  model.kill();
  const at = (share: number) => [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length * share)]?.toFixed(1);
  const quarter = Math.floor(megabytes.length / 4);
  console.log(
    `${episodes} episodes at once, ${turns} turns, the model thinks ${think} s: exit code ${code}, ${seconds.toFixed(0)} s`,
  );
  console.log(
    `from an answer to the next request, with one command: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms (${gaps.length} turns)`,
  );
  console.log(
    `memory of assay: ${megabytes[quarter]?.toFixed()} MB after a quarter, ${megabytes[3 * quarter]?.toFixed()} MB after three, ${Math.max(...megabytes).toFixed()} MB at most`,
  );
  console.log(
    `left: ${readdirSync(join(cache, 'local', 'workspaces')).length} sandboxes, ${sandboxProcesses()} processes`,
  );
  rmSync(folder, { recursive: true, force: true });
}

function memoryOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return 0;
  }
}

/** Processes of sandboxes of any run on this machine. */
function sandboxProcesses(): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('assay-sandbox-');
    } catch {
      return false;
    }
  }).length;
}

await (process.argv.includes('serve') ? serve() : measure());
