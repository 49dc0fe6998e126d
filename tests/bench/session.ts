// npm run bench:session -- [--sessions 512] [--turns 10] [--think 4000]
// What a session adds to a command on the local engine: one session with one command after the other, then many sessions at once, whose
// models think so many milliseconds between commands.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openSession, type Session } from '../../plugins/agent/session.js';
import { realHost } from '../../src/cli/host.js';
import { localEngine } from '../../src/engine/local/index.js';
import type { Container } from '../../src/index.js';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '512' },
    turns: { type: 'string', default: '10' },
    think: { type: 'string', default: '4000' },
  },
});
const [count, turns, think] = [Number(values.sessions), Number(values.turns), Number(values.think)];
const COMMANDS_IN_A_ROW = 500;
const OPEN_AT_ONCE = 8;
const { clock } = realHost();
const { signal } = new AbortController();
const folder = await mkdtemp(join(tmpdir(), 'assay-bench-session-'));
const engine = localEngine({ cacheDir: join(folder, 'cache'), path: process.env['PATH'] ?? '' });

const ids: string[] = [];

async function open(name: string): Promise<{ container: Container; session: Session }> {
  const limits = { memoryBytes: 2 ** 30, cpus: 1, pids: 64, network: false, capAdd: [] };
  const container = await engine.containers.start({ image: 'bench', name, labels: {}, limits }, signal);
  ids.push(container.id);
  return {
    container,
    session: await openSession(container, { workdir: '/testbed', activation: '', clock, signal }),
  };
}

/** Milliseconds until the result of a command is there. */
async function time(session: Session, command: string): Promise<number> {
  const from = performance.now();
  const { exitCode } = await session.run(command, { seconds: 60, outputChars: 10_000 }, signal);
  if (exitCode !== 0) throw new Error(`${command}: exit code ${exitCode}`);
  return performance.now() - from;
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => `${(sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2)} ms`;
  return `p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}`;
}

/** Those of the sandboxes of this run. */
async function processes(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const marks = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  );
  return marks.filter((words) => ids.some((id) => words.includes(id))).length;
}

const memory = () => `${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`;

try {
  await mkdir(join(folder, 'tree'));
  await writeFile(join(folder, 'tree', 'README'), 'bench\n');
  await engine.importTree({ ref: 'bench', dir: join(folder, 'tree'), workdir: '/testbed', signal });
  console.log((await engine.info()).isolation);

  const alone = await open('alone');
  for (const command of [':', '/bin/true', 'head -c 100000 /dev/zero']) {
    const times: number[] = [];
    for (let i = 0; i < COMMANDS_IN_A_ROW; i++) times.push(await time(alone.session, command));
    console.log(`alone, ${command}: ${quantiles(times)}`);
  }
  const inShell = await time(alone.session, 'for i in {1..500}; do /bin/true; done');
  console.log(`the same 500 /bin/true within the shell: ${(inShell / 500).toFixed(2)} ms each`);
  const files: number[] = [];
  for (let i = 0; i < 100; i++) {
    const from = performance.now();
    await alone.session.writeFile('file', 'x'.repeat(20_000), signal);
    await alone.session.readFile('file', signal);
    files.push(performance.now() - from);
  }
  console.log(`write and read a file of 20 kB: ${quantiles(files)}`);
  await alone.session.close();
  await alone.container.destroy();

  const from = performance.now();
  const all: { container: Container; session: Session }[] = [];
  const opener = async () => {
    while (all.length < count) {
      const place = all.length;
      all.push(undefined as never);
      all[place] = await open(`bench-${place}`);
    }
  };
  await Promise.all(Array.from({ length: OPEN_AT_ONCE }, opener));
  console.log(
    `${count} sessions opened in ${((performance.now() - from) / 1000).toFixed(1)} s; memory ${memory()}`,
  );
  const rounds = 4;
  for (let round = 1; round <= rounds; round++) {
    const times: number[] = [];
    const cpu = process.cpuUsage();
    const episode = async ({ session }: { session: Session }) => {
      for (let turn = 0; turn < turns / rounds; turn++) {
        await sleep(Math.random() * 2 * think);
        times.push(await time(session, ':'));
      }
    };
    await Promise.all(all.map(episode));
    const { user, system } = process.cpuUsage(cpu);
    const each = (user + system) / 1000 / times.length;
    console.log(
      `round ${round}: ${times.length} commands, ${quantiles(times)}; ${each.toFixed(2)} ms CPU of this process each; ` +
        `memory ${memory()}; ${await processes()} processes`,
    );
  }
  await Promise.all(
    all.map(async ({ session, container }) => {
      await session.close();
      await container.destroy();
    }),
  );
  console.log(`closed: ${await processes()} processes of sandboxes are left`);
} finally {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
}
