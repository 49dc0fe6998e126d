import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AssayError, type Clock } from '../../src/index.js';
import { readScores, writeBatch } from './batch-file.js';
import { preparedPython, pythonFolder } from './environment.js';
import { type LineProcess, startProcess } from './process.js';
import {
  answerOf,
  helloOf,
  loadedOf,
  loadMembers,
  lossMembers,
  type Members,
  type Op,
  offerOf,
  requestLine,
  savedOf,
  scoresFileOf,
  stepMembers,
  steppedOf,
  sumsOf,
  syncedOf,
  type WireTarget,
  writtenOf,
} from './protocol.js';
import type { LoadOptions, Synced, SyncTarget, Trainer } from './trainer.js';
import { reloadVllm, type TensorSender, vllmTransfer } from './vllm.js';

export interface LocalTrainerOptions {
  /** A Python with the trainer's packages; absent: that of `npm run trainer:setup`. */
  readonly python?: string;
  /** Assay's cache. */
  readonly cacheFolder: string;
  /** Environment of the trainer, beside its PYTHONPATH. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How many processes compute, by torchrun where it is more than one. */
  readonly processes: number;
  /** How many of them share the tokens of each sequence; default 1. */
  readonly contextParallel?: number;
  /** Batches go through files in a folder in it. */
  readonly workFolder: string;
  /** Takes what the trainer says beside the protocol. */
  readonly logFile: string;
  /** First number of a mutating call; default 1. After `load` of a checkpoint they go on from its last one, if that is higher. */
  readonly nextSeq?: number;
  readonly clock: Clock;
  /** Kills the trainer when aborted. */
  readonly signal: AbortSignal;
  /** Seconds that calls may take, in place of {@link DEADLINES}. */
  readonly deadlines?: Partial<Readonly<Record<Op, number>>>;
}

/** Seconds that a call may take before the trainer is killed: bounds for one that hangs, far more than the largest model needs. */
export const DEADLINES: Readonly<Record<Op, number>> = {
  // Python reads its libraries first, from a disk that others use, too.
  hello: 300,
  load: 3600,
  logprobs: 7200,
  accumulate: 7200,
  step: 3600,
  save: 3600,
  sync: 3600,
  stop: 60,
};

/**
 * Starts the Python trainer as a child process. Rejects with `trainer_missing` where its environment isn't there. Calls wait for one another; they reject with
 * the trainer's own error (`trainer_refused`, `trainer_out_of_memory`, `trainer_non_finite`, `checkpoint_broken`, `disk_full`), after which it goes on, or
 * with `trainer_failed`, after which it is over and every call rejects.
 */
export async function localTrainer(options: LocalTrainerOptions): Promise<Trainer> {
  const { clock, signal, processes } = options;
  const python = programOf(options.python) ?? (await preparedPython(options.cacheFolder));
  const process = await startProcess({
    argv: [python, ...launcher(processes), '-m', 'assay_trainer', ...sharing(options)],
    cwd: pythonFolder(),
    env: environmentOf(options.env),
    logFile: resolve(options.logFile),
    clock,
    signal,
  });
  await mkdir(options.workFolder, { recursive: true });
  const folder = await mkdtemp(join(resolve(options.workFolder), 'trainer-'));
  const trainer = talkTo(process, folder, options);
  try {
    await trainer.hello();
    return trainer;
  } catch (error) {
    await trainer.stop();
    throw missingPackage(error, python) ?? error;
  }
}

/** A path is ours, and the trainer runs in another folder; a name is one on PATH. */
function programOf(python: string | undefined): string | undefined {
  return python?.includes('/') === true ? resolve(python) : python;
}

function launcher(processes: number): readonly string[] {
  if (processes === 1) return [];
  return ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', String(processes)];
}

function sharing({ contextParallel = 1 }: LocalTrainerOptions): readonly string[] {
  return contextParallel === 1 ? [] : ['--context-parallel', String(contextParallel)];
}

function environmentOf(env: LocalTrainerOptions['env']): Readonly<Record<string, string>> {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  // Without the folder of the sources in it, nothing of the user's Python path comes in the way of ours.
  return { ...Object.fromEntries(given), PYTHONPATH: pythonFolder(), PYTHONUNBUFFERED: '1' };
}

function missingPackage(error: unknown, python: string): AssayError | undefined {
  const words = error instanceof AssayError ? /No module named '?([\w.]+)/.exec(error.detail ?? '') : null;
  if (words === null) return undefined;
  return new AssayError('trainer_missing', `${python} has no package ${words[1]}`, { cause: error });
}

function talkTo(process: LineProcess, folder: string, options: LocalTrainerOptions): Trainer {
  const deadlines = { ...DEADLINES, ...options.deadlines };
  const inTurn = serial();
  let lastId = 0;
  let nextSeq = options.nextSeq ?? 1;
  const ask = async <T>(op: Op, members: Members, read: (result: unknown) => T): Promise<T> => {
    const id = ++lastId;
    const line = await process.ask(requestLine(id, op, members), { seconds: deadlines[op], what: op });
    const result = orFail(() => {
      const answer = answerOf(line, id, op);
      return answer.ok ? { value: read(answer.result) } : answer;
    });
    if ('error' in result) throw result.error;
    return result.value;
  };
  /** What can't be read leaves it unknown what the trainer did. */
  const orFail = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      process.fail(error);
      throw error;
    }
  };
  const part = <T>(target: WireTarget, read: (result: unknown) => T) =>
    ask('sync', { seq: nextSeq++, target }, read);
  const sender: TensorSender = {
    open: () => part({ kind: 'nccl_open' }, offerOf),
    join: async (worldSize) => void (await part({ kind: 'nccl_join', world_size: worldSize }, writtenOf)),
    send: async () => void (await part({ kind: 'nccl_send' }, writtenOf)),
    lose: (error) => process.fail(error),
  };
  const transfers = new Map<string, ReturnType<typeof vllmTransfer>>();
  const syncTo = async (target: SyncTarget): Promise<Synced> => {
    const { capabilities } = await ask('hello', {}, helloOf);
    if (!capabilities.sync.includes(target.kind))
      throw new AssayError(
        'trainer_refused',
        `this trainer can't bring weights to ${target.kind}: ${capabilities.sync.join(', ')} is what it can`,
      );
    if (target.kind === 'embedded') return part(target, syncedOf);
    const { url } = target;
    const server = { url, clock: options.clock, signal: options.signal, seconds: deadlines.sync };
    if (target.kind === 'vllm_reload') {
      const weights = resolve(target.folder);
      const weightVersion = await part({ kind: 'folder', folder: weights }, writtenOf);
      return { weightVersion, url: await reloadVllm(server, { folder: weights, weightVersion }) };
    }
    const transfer = transfers.get(url) ?? vllmTransfer(server, sender);
    transfers.set(url, transfer);
    return transfer.sync();
  };
  const file = (name: string) => join(folder, `${lastId + 1}-${name}.safetensors`);
  const remove = (...paths: string[]) => Promise.all(paths.map((path) => rm(path, { force: true })));
  return {
    hello: () => inTurn(() => ask('hello', {}, helloOf)),
    load: (load) =>
      inTurn(async () => {
        const { loaded, lastSeq } = await ask('load', loadMembers(absolute(load)), loadedOf);
        nextSeq = Math.max(nextSeq, (lastSeq ?? 0) + 1);
        return loaded;
      }),
    logprobs: (batch) =>
      inTurn(async () => {
        const [path, out] = [file('batch'), file('scores')];
        try {
          const members = { batch: await writeBatch(path, batch), out };
          return await readScores(await ask('logprobs', members, scoresFileOf), batch);
        } finally {
          await remove(path, out);
        }
      }),
    accumulate: (batch, loss) =>
      inTurn(async () => {
        const path = file('batch');
        try {
          const members = { batch: await writeBatch(path, batch, loss.kind), loss: lossMembers(loss) };
          return await ask('accumulate', { seq: nextSeq++, ...members }, sumsOf);
        } finally {
          await remove(path);
        }
      }),
    step: (step) => inTurn(() => ask('step', { seq: nextSeq++, ...stepMembers(step) }, steppedOf)),
    save: (path) => inTurn(() => ask('save', { seq: nextSeq++, folder: resolve(path) }, savedOf)),
    sync: (target) => inTurn(() => syncTo(target)),
    over: process.over,
    stop: () =>
      inTurn(async () => {
        // One that failed is over already.
        await ask('stop', {}, () => undefined).catch(() => undefined);
        await process.end(deadlines.stop);
        await rm(folder, { recursive: true, force: true });
      }),
  };
}

/** The trainer works in another folder. What isn't there is a name that it knows. */
function absolute(options: LoadOptions): LoadOptions {
  const { model, resume } = options;
  const found = (path: string) => (existsSync(path) ? resolve(path) : path);
  return {
    ...options,
    model:
      'folder' in model ? { folder: found(model.folder) } : { ...model, tokenizer: found(model.tokenizer) },
    ...(resume === undefined ? {} : { resume: resolve(resume) }),
  };
}

/** Does one thing after the other, in the order of the calls, whatever becomes of those before. */
function serial(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
