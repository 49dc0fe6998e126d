import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readTrajectories } from '../../plugins/agent/store.js';
import type { Message, Trajectory } from '../../src/index.js';
import { packageRoot } from '../../src/util/package.js';
import {
  type Asked,
  type Json,
  type PolicyServer,
  type PolicyServerOptions,
  startPolicyServer,
} from '../agent/policy-server.js';
import { collect } from '../agent/records.js';
import { assay } from './cli.js';

interface Row {
  readonly instance_id: string;
  readonly problem_statement: string;
  readonly patch: string;
}

const FILE = join(packageRoot(), 'datasets', 'sample', 'instances.jsonl');
const rows: readonly Row[] = (await readFile(FILE, 'utf8'))
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);

/** The row of an instance by the end of its id, e.g. `tabula-1`. */
function rowOf(short: string): Row {
  const row = rows.find(({ instance_id }) => instance_id === idOf(short));
  if (row === undefined) throw new Error(`no instance ${short}`);
  return row;
}

export const idOf = (short: string): string => `assay-sample__${short}`;

/** Which instance a conversation is about, by the end of its id. */
export function instanceOf(messages: readonly Message[]): string {
  const words = messages.find(({ role }) => role === 'user')?.content ?? '';
  const found = rows.filter(({ problem_statement }) => words.includes(problem_statement.trim()));
  if (found.length !== 1) throw new Error(`${found.length} instances are asked for in: ${words}`);
  return (found[0] as Row).instance_id.slice(idOf('').length);
}

export const says = (command: string): string => `I do it.\n\n\`\`\`\`command\n${command}\n\`\`\`\``;
export const SUBMIT = says('submit');

/** A command that mends the instance. */
export const mends = (short: string): string =>
  says(`git apply <<'END_OF_PATCH'\n${rowOf(short).patch}END_OF_PATCH`);

export interface RolloutScene {
  readonly work: string;
  readonly cache: string;
  readonly server: PolicyServer;
  /** Completions that were asked for. */
  readonly completions: Json[];
  /** `assay rollout sample` with the server, on these instances, into `<work>/<run>`. */
  rollout(
    run: string,
    instances: readonly string[],
    options?: {
      readonly flags?: readonly string[];
      readonly onStart?: Parameters<typeof assay>[1]['onStart'];
      readonly key?: string;
    },
  ): ReturnType<typeof assay>;
  assay(...args: string[]): ReturnType<typeof assay>;
  /** By episode id without the name of the benchmark: `tabula-1#1`. */
  trajectories(run: string): Promise<ReadonlyMap<string, Trajectory>>;
  /** Sandboxes that the local engine has left. */
  sandboxes(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

/** A scripted server and a folder to run `assay rollout` in. */
export async function rolloutScene(
  options: PolicyServerOptions,
  shared?: { readonly cache: string },
): Promise<RolloutScene> {
  const work = await mkdtemp(join(tmpdir(), 'assay-rollout-'));
  const cache = shared?.cache ?? join(work, 'cache');
  const completions: Json[] = [];
  const server = await startPolicyServer({
    ...options,
    onRequest(request) {
      if (request.path.endsWith('/completions')) completions.push(request.body);
      options.onRequest?.(request);
    },
  });
  return {
    ...{ work, cache, server, completions },
    rollout: (run, instances, { flags = [], onStart, key } = {}) =>
      assay(
        [
          ...['rollout', 'sample', '--model', 'toy', '--base-url', server.url, '-o', run],
          ...instances.flatMap((short) => ['-i', idOf(short)]),
          ...flags,
        ],
        {
          ...{ cwd: work, cache },
          ...(onStart === undefined ? {} : { onStart }),
          ...(key === undefined ? {} : { env: { ASSAY_API_KEY: key } }),
        },
      ),
    assay: (...args) => assay(args, { cwd: work, cache }),
    async trajectories(run) {
      const all = await collect(readTrajectories(join(work, run, 'trajectories')));
      return new Map(all.map((one) => [one.episode.episodeId.slice(idOf('').length), one]));
    },
    sandboxes: () => readdir(join(cache, 'local', 'workspaces')).catch(() => []),
    async remove() {
      await server.close();
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** The text of each file below a folder, unpacked. */
export async function textsBelow(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.map(async (path) => {
        const bytes = await readFile(path);
        return [path, (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1')] as const;
      }),
    ),
  );
}

/** A script for each instance; `reply` of an instance without one is an error. */
export function scripts(
  all: Readonly<Record<string, (asked: Asked) => ReturnType<PolicyServerOptions['reply']>>>,
): PolicyServerOptions['reply'] {
  return (asked) => {
    const script = all[instanceOf(asked.messages)];
    if (script === undefined) throw new Error(`no script for ${instanceOf(asked.messages)}`);
    return script(asked);
  };
}

/** Answers in turn; the last one again and again. */
export const inTurn =
  (...answers: readonly string[]) =>
  ({ turn }: Asked): string =>
    answers[Math.min(turn, answers.length) - 1] as string;

/** Removes the sandbox of an instance's episode, and kills what runs in it, as a machine does that breaks. */
export async function takeAwaySandbox(cache: string, instanceId: string): Promise<void> {
  const folder = join(cache, 'local', 'workspaces');
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.json'))) {
    const record = await readFile(join(folder, name), 'utf8');
    if (!record.includes(`assay.rollout.${instanceId}.`)) continue;
    const place = join(folder, name.replace('.json', ''));
    await rm(place, { recursive: true, force: true });
    for (const pid of await processesIn(place)) process.kill(pid, 'SIGKILL');
    await rm(place, { recursive: true, force: true });
  }
}

/** Processes whose arguments name a path below the folder. */
export async function processesIn(folder: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 1 && pid !== process.pid);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(folder);
    } catch {
      return false;
    }
  });
}

/** The objects of JSON lines. */
export const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
