import { join } from 'node:path';
import type Docker from 'dockerode';
import { AssayError, toAssayError } from '../../errors.js';
import { cutOffAwareAgent } from './agent.js';
import { call } from './call.js';

/** Where an engine may listen. Without `host` the usual sockets are tried in order. */
export interface EngineAddress {
  /** As in DOCKER_HOST: `unix:///path`, `tcp://host:port`, `http(s)://host:port`. Nothing else is tried when it is given. */
  readonly host?: string;
  /** XDG_RUNTIME_DIR, where a rootless engine listens. */
  readonly runtimeDir?: string;
  /** Home folder, where Docker Desktop listens. */
  readonly home?: string;
}

/** The addresses to try, in order. */
export function candidates({ host, runtimeDir, home }: EngineAddress): readonly string[] {
  if (host !== undefined && host !== '') return [host];
  const sockets = ['/var/run/docker.sock'];
  if (runtimeDir !== undefined) sockets.push(join(runtimeDir, 'docker.sock'));
  if (home !== undefined) sockets.push(join(home, '.docker/run/docker.sock'));
  return sockets.map((path) => `unix://${path}`);
}

/** Options for dockerode; `host` is set even when undefined, or docker-modem would take it from the environment. */
function dialOptions(address: string): object {
  if (address.startsWith('unix://')) {
    return { host: undefined, socketPath: address.slice('unix://'.length), agent: cutOffAwareAgent('http') };
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.hostname === undefined || !['tcp:', 'http:', 'https:'].includes(url.protocol)) {
    throw new AssayError(
      'engine_unavailable',
      `not an address of an engine: ${JSON.stringify(address)}; use unix:///path or tcp://host:port (for ssh, forward the socket: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST)`,
    );
  }
  const protocol = url.protocol === 'https:' || url.port === '2376' ? 'https' : 'http';
  const port = url.port === '' ? (protocol === 'https' ? 2376 : 2375) : Number(url.port);
  return { host: url.hostname, port, protocol, agent: cutOffAwareAgent(protocol) };
}

/** A client of the engine at one address, which has answered; rejects with AssayError, its cause the error of the connection. */
export async function dial(address: string, ms: number): Promise<Docker> {
  const { default: Dockerode } = await import('dockerode');
  const what = `reach ${address}`;
  return call({ what, signal: AbortSignal.timeout(ms) }, async (abortSignal) => {
    const docker = new Dockerode(dialOptions(address));
    const pong: unknown = await (docker.ping as (options: object) => Promise<unknown>)({ abortSignal });
    if (String(pong).trim() === 'OK') return docker;
    throw new AssayError('engine_unavailable', `${address} answers, but is no Docker engine`);
  });
}

/** A client of the first engine that answers; `engine_unavailable` names each address and why it failed. */
export async function connect(address: EngineAddress, pingMs: number): Promise<Docker> {
  const failures: string[] = [];
  for (const candidate of candidates(address)) {
    try {
      return await dial(candidate, pingMs);
    } catch (error) {
      failures.push(toAssayError(error).message.replace(/^docker: reach /, ''));
    }
  }
  throw new AssayError('engine_unavailable', `no Docker engine answers: ${failures.join('; ')}`);
}
