import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dockerEngine } from '../../src/engine/docker/index.js';
import type { Engine } from '../../src/engine/engine.js';
import { assay } from '../helpers/cli.js';
import type { RealDocker } from '../helpers/docker.js';

/** A Docker engine of the test's own, which it may kill. */
export interface OwnEngine {
  /** Address as in DOCKER_HOST. */
  readonly host: string;
  readonly socketPath: string;
  /** SIGKILL of the engine, and a new one with the same containers and images after `ms`. */
  killAndRestart(ms: number): Promise<void>;
  stop(): Promise<void>;
}

const STARTS_WITHIN_MS = 60_000;

/** Starts containerd and dockerd with all their files in a folder. Needs root, and both programs. */
export async function startOwnEngine(folder: string): Promise<OwnEngine> {
  const at = (name: string) => join(folder, name);
  const host = `unix://${at('sock')}`;
  await mkdir(folder, { recursive: true });
  const log = openSync(at('log'), 'a');
  const run = (command: string, ...args: string[]) => {
    const child = spawn(command, args, { stdio: ['ignore', log, log] });
    child.once('error', () => {}); // the engine doesn't come, and that is told
    return child;
  };
  // A process of its own, as where systemd starts both: it outlives the engine.
  await writeFile(
    at('containerd.toml'),
    `version = 2\nroot = "${at('containerd')}"\nstate = "${at('containerd-state')}"\n` +
      `disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "${at('containerd.sock')}"\n`,
  );
  const containerd = run('containerd', '--config', at('containerd.toml'));
  const start = async () => {
    await rm(at('pid'), { force: true });
    const child = run(
      // In a network of its own: without a bridge, an engine takes that of the machine's engine away.
      ...(['unshare', '--net', 'dockerd'] as const),
      ...['--containerd', at('containerd.sock'), '--host', host, '--pidfile', at('pid')],
      ...['--data-root', at('root'), '--exec-root', at('exec')],
      ...['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'],
    );
    for (const until = performance.now() + STARTS_WITHIN_MS; ; await sleep(50)) {
      const client = dockerEngine({ host });
      try {
        await client.info();
        return child;
      } catch {
        if (child.exitCode !== null || child.pid === undefined || performance.now() > until)
          throw new Error(`no engine of our own: ${(await readFile(at('log'), 'utf8')).slice(-2000)}`);
      } finally {
        await client.close();
      }
    }
  };
  const end = async (child: ChildProcess, signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  let engine = await start().catch(async (error: unknown) => {
    await end(containerd, 'SIGTERM');
    throw error;
  });
  return {
    host,
    socketPath: at('sock'),
    async killAndRestart(ms) {
      await end(engine, 'SIGKILL');
      await sleep(ms);
      engine = await start();
    },
    async stop() {
      await end(engine, 'SIGTERM');
      removeTasks(at('containerd.sock'));
      await end(containerd, 'SIGTERM');
      await killShims(at('containerd.sock'));
      await unmountBelow(folder);
    },
  };
}

/** An engine that is killed while it starts a container doesn't know of it afterwards. */
function removeTasks(socketPath: string): void {
  const ctr = (...args: string[]) =>
    execFileSync('ctr', ['--address', socketPath, '--namespace', 'moby', 'tasks', ...args], {
      encoding: 'utf8',
    });
  for (const id of ctr('list', '--quiet')
    .split('\n')
    .filter((line) => line !== ''))
    ctr('remove', '--force', id);
}

/** Nor does containerd of one that it was about to start: what keeps it goes on waiting. */
async function killShims(socketPath: string): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (words[0]?.includes('containerd-shim') && words.includes(socketPath))
      process.kill(Number(pid), 'SIGKILL');
  }
}

/** And leaves its mounts. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const path of mounts.filter((mount) => mount.startsWith(`${folder}/`)).reverse())
    execFileSync('umount', ['-l', path]);
}

/** Takes over images from another engine. */
export async function copyImages(from: Engine, { host }: OwnEngine, refs: readonly string[]): Promise<void> {
  const { signal } = new AbortController();
  const to = dockerEngine({ host });
  await to.images.load(await from.images.save(refs, signal), { signal });
  await to.close();
}

/** Makes the images of the sample benchmark in an engine that has the base image, whatever other tests have left there. */
export async function buildSampleImages(
  host: string,
  { base, folder }: { readonly base: string; readonly folder: string },
): Promise<void> {
  const ids = ['pennybook', 'tabula', 'tempo'].flatMap((name) => ['-i', `assay-sample__${name}-1`]);
  const { code, stderr } = await assay(['images', 'build', 'sample', '--base', base, ...ids], {
    cwd: folder,
    cache: join(folder, 'build'),
    env: { DOCKER_HOST: host },
  });
  if (code !== 0) throw new Error(`no images of the sample benchmark: ${stderr}`);
}

/** An engine of our own with the images of the sample benchmark; undefined where none can be had, which is told. */
export async function startSampleEngine(
  folder: string,
  { engine, image }: RealDocker,
): Promise<OwnEngine | undefined> {
  const own = await startOwnEngine(folder).catch((error: Error) => {
    if (process.env['ASSAY_REQUIRE_DOCKER'] === '1') throw error;
    process.stderr.write(`Skipped an engine that dies: ${error.message}\n`);
    return undefined;
  });
  if (own === undefined) return undefined;
  try {
    await copyImages(engine, own, [image]);
    await buildSampleImages(own.host, { base: image, folder });
    return own;
  } catch (error) {
    await own.stop();
    throw error;
  }
}
