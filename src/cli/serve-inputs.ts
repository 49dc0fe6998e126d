import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { toInstances } from '../dataset/format.js';
import { AssayError } from '../errors.js';
import type { Benchmark, EvalSpec } from '../model/eval-spec.js';
import type { Instance } from '../model/instance.js';
import { REWARDS, type RewardFunction, type RewardRule } from '../reward/rewards.js';
import type { Catalogue } from '../run/task.js';
import type { AppOptions } from '../serve/app.js';
import { messageOf } from '../util/words.js';
import { usage } from './exit.js';
import { checkCount, parseBytes, parseRate } from './flags.js';
import type { Host } from './host.js';
import { loadInstances, specsOf } from './inputs.js';
import { engineFor } from './plan.js';
import { benchmarkFor, datasetFormats, profileNamed } from './registry.js';
import type { EvalArgs } from './run-flags.js';

/** The flags of `assay serve`, as yargs gives them. */
export type ServeArgs = Omit<EvalArgs, 'dataset'> &
  Readonly<{
    datasets: readonly string[];
    host: string;
    port: number;
    state?: string;
    'token-file'?: string;
    'tls-cert'?: string;
    'tls-key'?: string;
    'tls-client-ca'?: string;
    'allow-inline'?: boolean;
    rewards?: string;
    'max-queue': number;
    queue?: string;
    'max-body': string;
    'client-concurrency': number;
    'client-rate': string;
    warm?: number;
    'cache-memory': string;
  }>;

/** The instances of all datasets, and the engine that they want. */
export async function catalogueOf(args: ServeArgs, host: Host) {
  const known = new Map<string, Known>();
  for (const dataset of args.datasets) {
    const { instances } = await loadInstances({ ...args, dataset }, host);
    for (const [id, one] of knownOf(instances)) {
      if (known.has(id)) throw usage(`two of the datasets hold ${id}`);
      known.set(id, one);
    }
  }
  const [engineName, other] = new Set([...known.values()].map(({ benchmark }) => engineFor(args, benchmark)));
  if (engineName === undefined) throw usage('no instance is left after the selection flags');
  if (other !== undefined) throw usage('the datasets want different engines: name one with --engine');
  const catalogue: Catalogue = {
    find(asked) {
      const { spec, benchmark } = choose(asked, known, args['allow-inline'] === true);
      const name = asked.profile ?? benchmark.defaultProfile;
      if (!benchmark.profiles.some((one) => one === name))
        throw badRequest(
          `profile ${name} does not fit ${spec.instanceId}; choose ${benchmark.profiles.join(' or ')}`,
        );
      return { spec, profile: profileNamed(name) };
    },
  };
  return { catalogue, known: [...known.values()], engineName };
}

/** An instance that can be asked for. */
export interface Known {
  readonly spec: EvalSpec;
  readonly benchmark: Benchmark;
}

function knownOf(instances: readonly Instance[]): ReadonlyMap<string, Known> {
  const specs = specsOf(instances);
  return new Map(
    instances.flatMap((instance) => {
      const spec = specs.get(instance.instanceId);
      return spec === undefined ? [] : [[instance.instanceId, { spec, benchmark: benchmarkFor(instance) }]];
    }),
  );
}

function choose(
  { instance_id: id, instance: row }: Parameters<Catalogue['find']>[0],
  known: ReadonlyMap<string, Known>,
  takesRows: boolean,
): Known {
  if ((id === undefined) === (row === undefined)) throw badRequest('give one of instance_id and instance');
  if (id !== undefined) {
    const found = known.get(id);
    if (found === undefined) throw new AssayError('unknown_instance', `no instance ${id} here`);
    return found;
  }
  if (!takesRows) throw badRequest('rows of clients are taken by a service with --allow-inline only');
  const instances = toInstances({ rows: [row], formats: datasetFormats, file: 'instance' });
  const [found] = knownOf(instances).values();
  if (found === undefined) throw badRequest('the row holds no instance');
  return found;
}

function badRequest(message: string): AssayError {
  return new AssayError('bad_request', message);
}

/** The limits that the flags set. */
export function loadOf(args: ServeArgs) {
  checkCount(args.port, 'port', 0);
  checkCount(args.workers, 'workers', 1);
  checkCount(args.retries, 'retries', 0);
  checkCount(args.warm, 'warm', 0);
  checkCount(args['max-queue'], 'max-queue', 1);
  checkCount(args['client-concurrency'], 'client-concurrency', 1);
  const rate = parseRate(args['client-rate']);
  return {
    oracle: { maxQueue: args['max-queue'], cacheBytes: parseBytes(args['cache-memory'], 'cache-memory') },
    app: {
      bodyLimit: parseBytes(args['max-body'], 'max-body'),
      clientConcurrency: args['client-concurrency'],
      ...(rate === undefined ? {} : { rate: { count: rate.count, milliseconds: rate.seconds * 1000 } }),
    },
  };
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

/** Names of clients by their tokens; undefined where none are asked for, which only loopback may do. */
export async function tokensOf(args: ServeArgs, host: Host): Promise<AppOptions['tokens']> {
  const path = args['token-file'];
  const text =
    path === undefined ? `client ${host.env['ASSAY_TOKEN'] ?? ''}` : await readText(path, 'token-file', host);
  const lines = text.split('\n').filter((line) => !/^\s*(#.*)?$/.test(line));
  const pairs = lines.map((line) => line.trim().split(/\s+/));
  if (path !== undefined && (pairs.length === 0 || pairs.some((pair) => pair.length !== 2)))
    throw usage(`--token-file ${path}: expected NAME TOKEN on each line`);
  const tokens = new Map(pairs.flatMap(([name = '', token]) => (token === undefined ? [] : [[token, name]])));
  if (tokens.size > 0) return tokens;
  if (!LOOPBACK.test(args.host))
    throw usage(
      `--host ${args.host} lets others reach the service: give tokens with --token-file or ASSAY_TOKEN`,
    );
  return undefined;
}

/** Certificate, key and the authority of clients. */
export async function tlsOf(args: ServeArgs, host: Host): Promise<AppOptions['tls']> {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-client-ca': clientCa } = args;
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined;
  if (cert === undefined || key === undefined) throw usage('HTTPS needs both --tls-cert and --tls-key');
  return {
    cert: await readText(cert, 'tls-cert', host),
    key: await readText(key, 'tls-key', host),
    ...(clientCa === undefined ? {} : { clientCa: await readText(clientCa, 'tls-client-ca', host) }),
  };
}

/** Our rewards and those of `--rewards`. */
export async function rewardsOf(args: ServeArgs, host: Host): Promise<ReadonlyMap<string, RewardRule>> {
  if (args.rewards === undefined) return REWARDS;
  const path = resolve(host.cwd, args.rewards);
  const module = await import(pathToFileURL(path).href).catch((error: unknown) => {
    throw usage(`--rewards ${args.rewards}: ${messageOf(error)}`);
  });
  const own = Object.entries(module as Record<string, unknown>).filter(([name]) => name !== 'default');
  const bad = own.find(([name, value]) => typeof value !== 'function' || REWARDS.has(name));
  if (own.length === 0 || bad !== undefined)
    throw usage(
      `--rewards ${args.rewards}: ${bad === undefined ? 'it exports nothing' : `${bad[0]} is ${REWARDS.has(bad[0]) ? 'a name of ours' : 'no function'}`}`,
    );
  return new Map([
    ...REWARDS,
    ...own.map(([name, value]) => [name, { value: value as RewardFunction }] as const),
  ]);
}

async function readText(path: string, flag: string, host: Host): Promise<string> {
  return readFile(resolve(host.cwd, path), 'utf8').catch((error: unknown) => {
    throw usage(`--${flag} ${path}: ${messageOf(error)}`);
  });
}
