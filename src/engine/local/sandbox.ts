import { randomBytes } from 'node:crypto';
import { close, open } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AssayError } from '../../errors.js';
import { isDiskFull } from '../../util/disk.js';
import type { Container, ContainerSpec, ExecRequest } from '../engine.js';
import type { ControlGroup, ControlGroups } from './control-groups.js';
import { dockerOnly, engineFailure, step } from './failures.js';
import type { Isolation } from './isolation.js';
import { HOME, hostPath, mapPaths, OUTPUT, TMP } from './paths.js';
import { killSandbox, killUntilGone, MARKER_VARIABLE, markerOf } from './processes.js';
import { runProcess } from './run-process.js';
import type { Tools } from './tools.js';
import { diskBytesOf, makePipe, OUTPUT_PIPE, putFile } from './workspace.js';
import { wrapperArgv } from './wrapper.js';

/** What the machine offers, found once per engine. */
export interface Machine {
  readonly tools: Tools;
  readonly isolation: Isolation;
  readonly groups: ControlGroups | undefined;
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

/** A started sandbox over a workspace that is there; `destroy` ends with `remove`. */
export function sandbox(options: SandboxOptions): Container {
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
      TZ: 'UTC',
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
      hasStdin: request.stdin !== undefined,
      leash: isolation.kind !== 'bubblewrap',
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
        stdin: request.stdin,
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
      const result = step(`can't run ${request.argv[0]} in ${spec.name}`, signal, async () => ({
        exitCode: await exec(request, signal),
        oomKilled: (await group?.oomKilled()) ?? false,
      }));
      running.add(result);
      const forget = () => running.delete(result);
      result.then(forget, forget);
      return result;
    },
    read: () => dockerOnly('read files of a sandbox'),
    putArchive: () => dockerOnly('unpack an archive'),
    isBusy: async () => true,
    isOverDisk: (request) => {
      const signal = AbortSignal.any([request, ended.signal]);
      return step(
        `can't measure ${spec.name}`,
        signal,
        async () =>
          (await diskBytesOf(root, tools.path, signal)) > (spec.limits.diskBytes ?? Number.POSITIVE_INFINITY),
      );
    },
    isDiskFull: () => isDiskFull(root),
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
  if (mapped !== cwd) return mapped;
  return cwd === '/' ? root : hostPath(root, cwd);
}
