import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { activationOf } from '../container/activation.js';
import { applyPatch, PATCH_FILE } from '../container/apply.js';
import { DEFAULT_DEADLINES } from '../container/deadline.js';
import { grantedLimits } from '../container/limits.js';
import { EVAL_SCRIPT } from '../container/test-log.js';
import type { Container, ContainerSpec, Engine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { EvalSpec } from '../model/eval-spec.js';
import type { GradingProfile } from '../model/grading.js';
import { defaultWorkers } from '../run/schedule.js';
import { hasCode, readIfExists } from '../util/files.js';
import { harmless } from '../util/words.js';
import { connectForInstances, type InstanceImageFlags } from './connect.js';
import { limitsOf } from './context.js';
import { orphanLabels } from './engines.js';
import { EXIT, usage } from './exit.js';
import type { DatasetFlags, EngineFlags } from './flags.js';
import type { Host } from './host.js';
import { loadInstances } from './inputs.js';
import { engineFor } from './plan.js';
import { benchmarkFor, profileNamed } from './registry.js';

type ShellArgs = Readonly<
  Partial<DatasetFlags & EngineFlags> & {
    id: string;
    dataset: string;
    /** The command to run, word by word. */
    '--'?: readonly string[];
    patch?: string;
    profile?: string;
    keep?: boolean;
    'print-script'?: boolean;
  } & InstanceImageFlags
>;

/** Read by an interactive bash instead of ~/.bashrc. */
const SHELL_RC = '/tmp/assay-shell.rc';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `assay shell`: a container of an instance, as an evaluation has it before the tests; returns the exit code of what ran in it. */
export async function shellCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ShellArgs;
  const { instances } = await loadInstances({ ...args, id: [args.id] }, host);
  const [instance] = instances;
  if (instance === undefined) throw usage(`${args.dataset} has no instance ${args.id}`);
  const benchmark = benchmarkFor(instance);
  const spec = benchmark.specFor(instance);
  const profile = profileNamed(args.profile ?? benchmark.defaultProfile);
  if (args['print-script'] === true) {
    host.outFile(profile.prepareScript(spec.evalScript));
    return EXIT.done;
  }
  const engineName = engineFor(args, benchmark);
  checkUse(args, engineName);
  const patch = args.patch === undefined ? undefined : await readIfExists(resolve(host.cwd, args.patch));
  if (args.patch !== undefined && patch === undefined) throw usage(`--patch ${args.patch}: no such file`);

  const stop = new AbortController();
  const { signal } = stop;
  const { engine, resolveImage } = await connectForInstances(args, {
    engineName,
    host,
    pullSeconds: DEFAULT_DEADLINES.pull,
    onLog: host.err,
    signal,
  });
  const onSignal = () => stop.abort(new AssayError('interrupted', 'the shell was interrupted'));
  for (const name of SIGNALS) process.on(name, onSignal);
  let container: Container | undefined;
  try {
    const info = await engine.info();
    if (!info.isolated && patch !== undefined && args['allow-unisolated'] !== true)
      throw new AssayError(
        'unisolated',
        `the ${engine.name} engine runs patches with ${info.isolation} only`,
      );
    const { ref: image } = await resolveImage(spec, signal);
    const limits = limitsOf(args, info.cpus, defaultWorkers(info.cpus, info.freeMemoryBytes));
    container = await open({
      engine,
      spec,
      profile,
      patch,
      signal,
      onNews: host.err,
      as: {
        image,
        name: `assay.shell.${spec.instanceId.toLowerCase()}`,
        // A kept one must not look like what a process that is gone has left behind.
        labels: {
          'assay.instance': spec.instanceId,
          ...(args.keep === true ? {} : orphanLabels('shell', host)),
        },
        limits: grantedLimits(spec.needs, { limits, mayUseNetwork: args.network !== 'off' }),
      },
    });
    const { '--': command = [] } = args;
    if (command.length > 0) return await runCommand(container, command, spec, signal);
    host.err(`${spec.workdir} of ${image}; \`bash ${EVAL_SCRIPT}\` runs the tests, \`exit\` leaves`);
    return await interact(container.id, spec, host, signal);
  } finally {
    if (args.keep === true && container !== undefined) {
      const name = container.id.slice(0, 12);
      host.err(`kept container ${name}: docker exec -it ${name} bash; docker rm -f ${name}`);
    } else await container?.destroy();
    for (const name of SIGNALS) process.off(name, onSignal);
    await engine.close();
  }
}

/** Before anything is started. */
function checkUse({ keep, '--': command = [] }: ShellArgs, engine: 'docker' | 'local'): void {
  if (engine === 'local' && keep === true) throw usage('--keep: the local engine keeps no containers');
  if (command.length > 0) return;
  if (engine === 'local')
    throw usage('the local engine has no interactive shell: give a command, e.g. -- git status');
  if (!process.stdin.isTTY)
    throw usage('stdin is no terminal for a shell: give a command, e.g. -- git status');
}

interface OpenOptions {
  readonly engine: Engine;
  readonly as: ContainerSpec;
  readonly spec: EvalSpec;
  readonly profile: GradingProfile;
  /** Undefined: the tree stays as it is. */
  readonly patch: string | undefined;
  readonly signal: AbortSignal;
  readonly onNews: (text: string) => void;
}

/** A started container with the eval script and, when given, the patch applied as an evaluation does it. */
async function open({ engine, as, spec, profile, patch, signal, onNews }: OpenOptions): Promise<Container> {
  let container: Container | undefined;
  const fresh = async (used?: Container) => {
    container = undefined;
    await used?.destroy();
    container = await engine.containers.start(as, signal);
    const files = [
      { path: EVAL_SCRIPT, content: profile.prepareScript(spec.evalScript), mode: 0o755 },
      { path: SHELL_RC, content: `. ~/.bashrc 2>/dev/null\n${activationOf(spec)}\ncd ${spec.workdir}\n` },
      ...(patch === undefined ? [] : [{ path: PATCH_FILE, content: patch }]),
    ];
    await container.put(files, signal);
    return container;
  };
  try {
    const started = await fresh();
    if (patch === undefined) return started;
    const applied = await applyPatch(started, { profile, workdir: spec.workdir, signal, fresh });
    if (applied.command === undefined)
      throw new AssayError('usage', `the patch does not apply to ${spec.instanceId}`, {
        detail: applied.evidence,
      });
    onNews(`patch applied with \`${applied.command}\``);
    return applied.container;
  } catch (error) {
    await container?.destroy();
    throw error;
  }
}

async function runCommand(
  container: Container,
  command: readonly string[],
  spec: EvalSpec,
  signal: AbortSignal,
): Promise<number> {
  const decoder = new TextDecoder();
  const shown = (chunk: Uint8Array) =>
    process.stdout.isTTY ? harmless(decoder.decode(chunk, { stream: true })) : chunk;
  const { exitCode } = await container.exec({
    argv: ['/bin/bash', '-c', `${activationOf(spec)}\nexec "$@"`, 'assay', ...command],
    workdir: spec.workdir,
    signal,
    async onOutput(chunk) {
      if (!process.stdout.write(shown(chunk))) await once(process.stdout, 'drain');
    },
  });
  return exitCode;
}

/** Hands the terminal to the docker command: it does what a terminal needs (raw mode, sizes, signals). */
async function interact(id: string, { workdir }: EvalSpec, host: Host, signal: AbortSignal): Promise<number> {
  const argv = ['exec', '-it', '-w', workdir, id, '/bin/bash', '--rcfile', SHELL_RC, '-i'];
  const child = spawn('docker', argv, { stdio: 'inherit', env: host.env as NodeJS.ProcessEnv, signal });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? EXIT.interrupted;
  } catch (error) {
    signal.throwIfAborted();
    if (hasCode(error, 'ENOENT'))
      throw usage('an interactive shell needs the docker command on PATH; a command after -- does not');
    throw error;
  }
}
