import { randomBytes } from 'node:crypto';
import { close, open } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AssayError } from '../../errors.js';
import { hasCode, readIfExists } from '../../util/files.js';
import type { Container, ContainerEngine, ContainerSpec, ExecRequest } from '../engine.js';
import { command } from './command.js';
import type { ControlGroup, ControlGroups } from './control-groups.js';
import { engineFailure, step } from './failures.js';
import { carries, type ImageStore, makePipe, OUTPUT_PIPE } from './image-store.js';
import type { Isolation } from './isolation.js';
import { HOME, hostPath, mapPaths, OUTPUT, TMP } from './paths.js';
import { killSandbox, killUntilGone, MARKER_VARIABLE, markerOf, threadsOf } from './processes.js';
import { runProcess } from './run-process.js';
import type { Tools } from './tools.js';
import { putFile, removeTree } from './workspace.js';
import { wrapperArgv } from './wrapper.js';

/** What the machine offers, found once per engine. */
export interface Machine {
  readonly tools: Tools;
  readonly isolation: Isolation;
  readonly groups: ControlGroups | undefined;
}

interface ContainersOptions {
  readonly cacheDir: string;
  readonly images: Pick<ImageStore, 'open'>;
  readonly machine: () => Promise<Machine>;
}

/** What is kept beside a workspace, so that a later run knows whose it was. */
interface WorkspaceRecord {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Containers extends ContainerEngine {
  /** Destroys all that were started and not destroyed. */
  close(): Promise<void>;
}

/**
 * Throw-away workspaces: `workspaces/<id>` is a copy of the image, `workspaces/<id>.json` its labels, written first and removed
 * last, so that every workspace can be traced to its run.
 */
export function containers({ cacheDir, images, machine }: ContainersOptions): Containers {
  const workspaces = join(cacheDir, 'workspaces');
  const alive = new Set<Container>();
  const recordFile = (id: string) => join(workspaces, `${id}.json`);
  const writeRecord = async (id: string, record: WorkspaceRecord) => {
    await mkdir(workspaces, { recursive: true });
    await writeFile(`${recordFile(id)}.tmp`, JSON.stringify(record));
    await rename(`${recordFile(id)}.tmp`, recordFile(id));
  };
  const discard = async (id: string) => {
    await removeTree(join(workspaces, id));
    await rm(recordFile(id), { force: true });
  };

  async function start(spec: ContainerSpec, signal: AbortSignal): Promise<Container> {
    if (spec.limits.capAdd.length > 0)
      throw new AssayError('engine_failed', `the local engine can't grant ${spec.limits.capAdd.join(', ')}`);
    const host = await machine();
    const image = await images.open(spec.image);
    const id = randomBytes(8).toString('hex');
    const folder = join(workspaces, id);
    const env = { PATH: host.tools.path, LANG: 'C' };
    let group: ControlGroup | undefined;
    try {
      await writeRecord(id, { name: spec.name, labels: spec.labels });
      const copy = command({ argv: ['cp', '-a', image.start, folder], env, signal });
      copy.catch(() => undefined);
      group = await host.groups?.create(id, spec.limits);
      await copy;
      const processes = group === undefined ? await threadsOf(userInfo().uid) : undefined;
      const container = sandbox({
        id,
        folder,
        workdir: image.workdir,
        spec,
        host,
        group,
        processes: processes === undefined ? undefined : processes + spec.limits.pids,
        pipes: [join(folder, OUTPUT_PIPE)],
        remove: async () => {
          await discard(id);
          alive.delete(container);
        },
      });
      alive.add(container);
      return container;
    } catch (error) {
      await group?.remove().catch(() => undefined);
      await discard(id).catch(() => undefined);
      throw error;
    }
  }

  async function reap(
    labels: Readonly<Record<string, string>>,
    isOrphan: (labels: Readonly<Record<string, string>>) => boolean,
  ): Promise<readonly string[]> {
    const names = await readdir(workspaces).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    });
    const reaped: string[] = [];
    for (const name of names.filter((entry) => entry.endsWith('.json'))) {
      const id = name.slice(0, -'.json'.length);
      const text = await readIfExists(recordFile(id));
      if (text === undefined) continue;
      const record = parseRecord(text);
      if (record !== undefined && !(carries(record.labels, labels) && isOrphan(record.labels))) continue;
      await killSandbox(id);
      await discard(id);
      reaped.push(id);
    }
    return reaped;
  }

  return {
    start: (spec, signal) => step(`can't start ${spec.name}`, signal, () => start(spec, signal)),
    reap: (labels, isOrphan) =>
      step("can't remove left-over workspaces", undefined, () => reap(labels, isOrphan)),
    close: async () => {
      await Promise.all([...alive].map((container) => container.destroy()));
    },
  };
}

/** Undefined for text that only a machine that lost power leaves behind. */
function parseRecord(text: string): WorkspaceRecord | undefined {
  try {
    return JSON.parse(text) as WorkspaceRecord;
  } catch {
    return undefined;
  }
}

interface SandboxOptions {
  readonly id: string;
  readonly folder: string;
  readonly workdir: string;
  readonly spec: ContainerSpec;
  readonly host: Machine;
  readonly group: ControlGroup | undefined;
  /** Bound on the user's processes, where there is no control group. */
  readonly processes: number | undefined;
  /** Named pipes that no command uses now. */
  readonly pipes: string[];
  readonly remove: () => Promise<void>;
}

function sandbox(options: SandboxOptions): Container {
  const { id, folder, workdir, spec, host, group, processes, pipes, remove } = options;
  const { isolation, tools } = host;
  const root = join(folder, 'root');
  const marker = markerOf(id);
  const files = new Set<string>();
  const ended = new AbortController();
  const running = new Set<Promise<unknown>>();
  const killAll = async () => {
    if (group !== undefined) await killUntilGone(group.pids);
    await killSandbox(id);
  };
  const inside = (text: string) =>
    isolation.ownPaths ? text : mapPaths(text, root, [workdir, HOME, ...files]);

  async function exec(request: ExecRequest, signal: AbortSignal): Promise<number> {
    const cwd = request.workdir ?? workdir;
    const env = {
      PATH: tools.path,
      HOME: inside(HOME),
      LANG: 'C.UTF-8',
      TMPDIR: isolation.ownPaths ? TMP : join(root, TMP),
      TESTBED: inside(workdir),
      [MARKER_VARIABLE]: marker,
      ...Object.fromEntries(Object.entries(request.env ?? {}).map(([key, value]) => [key, inside(value)])),
    };
    const fifo =
      pipes.pop() ??
      (await makePipe(join(folder, `${OUTPUT_PIPE}-${randomBytes(4).toString('hex')}`), tools.path));
    const inner = wrapperArgv({
      output: isolation.ownPaths ? OUTPUT : fifo,
      bash: tools.bash,
      marker,
      argv: request.argv.map(inside),
      groups: group?.joinFiles.length ?? 0,
      leash: isolation.kind === 'none',
      dataBytes: group === undefined ? spec.limits.memoryBytes : undefined,
      processes,
    });
    const seen = [...files].filter(
      (path) => ![TMP, HOME, workdir].some((area) => path.startsWith(`${area}/`)),
    );
    const place = { root, workdir, cwd, files: seen, network: spec.limits.network, output: fifo };
    const fds = await Promise.all((group?.joinFiles ?? []).map((file) => promisify(open)(file, 'w')));
    try {
      const code = await runProcess({
        argv: isolation.wrap(place, inner),
        env,
        cwd: isolation.ownPaths ? root : hostPathOf(root, cwd, inside),
        fifo,
        fds,
        signal,
        onOutput: request.onOutput,
        killAll,
      });
      pipes.push(fifo);
      return code;
    } finally {
      await Promise.all(fds.map((fd) => promisify(close)(fd)));
    }
  }

  let destroyed: Promise<void> | undefined;
  return {
    id,
    put: (entries, signal) =>
      step(`can't put files into ${spec.name}`, signal, async () => {
        for (const entry of entries) {
          signal.throwIfAborted();
          await putFile(root, entry);
          files.add(entry.path);
        }
      }),
    exec: (request) => {
      const signal = AbortSignal.any([request.signal, ended.signal]);
      const code = exec(request, signal);
      running.add(code);
      return step(`can't run ${request.argv[0]} in ${spec.name}`, signal, async () => {
        try {
          return { exitCode: await code, oomKilled: (await group?.oomKilled()) ?? false };
        } finally {
          running.delete(code);
        }
      });
    },
    destroy: () => {
      destroyed ??= (async () => {
        ended.abort(new AssayError('interrupted', `${spec.name} was destroyed`));
        await Promise.allSettled(running);
        try {
          // With own process ids nothing outlives the command that started it.
          if (group !== undefined) await killUntilGone(group.pids);
          else if (isolation.kind === 'none') await killSandbox(id);
          await group?.remove();
          await remove();
        } catch (error) {
          throw engineFailure(`can't remove ${spec.name}`, error);
        }
      })();
      return destroyed;
    },
  };
}

/** A working directory outside of the known paths is taken below the root as well. */
function hostPathOf(root: string, cwd: string, inside: (text: string) => string): string {
  const mapped = inside(cwd);
  return mapped === cwd ? hostPath(root, cwd) : mapped;
}
