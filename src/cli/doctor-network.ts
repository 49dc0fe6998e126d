import { access, constants } from 'node:fs/promises';
import { connect } from 'node:net';
import type { HubSettings } from '../dataset/hub.js';
import type { Asked, CertificateFile, ProxyAddress, Registry, Skew } from '../doctor/network.js';
import { registryLogin } from '../engine/docker/auth.js';
import { messageOf } from '../util/words.js';
import type { Host } from './host.js';

/** How long each answer may take. */
const ANSWER_MS = 4000;

interface Question {
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Asks a server; of what it answers only status and headers are read. Never rejects. */
export async function ask(url: string, { method = 'GET', headers, signal }: Question): Promise<Asked> {
  try {
    const answer = await send(url, { method, headers, signal });
    await answer.body?.cancel();
    return { status: answer.status, headers: Object.fromEntries(answer.headers) };
  } catch (error) {
    return failureOf(error);
  }
}

function send(url: string, { signal, ...init }: Question): Promise<Response> {
  return fetch(url, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) });
}

/** `fetch` hides the reason in its cause. */
function failureOf(error: unknown): Asked {
  if ((error as { name?: unknown }).name === 'TimeoutError')
    return { error: 'TIMEOUT', words: `no answer in ${ANSWER_MS / 1000} s` };
  const cause = (error as { cause?: { code?: unknown } }).cause ?? error;
  const code = String((cause as { code?: unknown }).code ?? 'UNKNOWN');
  return { error: code, words: messageOf(cause) || code };
}

/** Asks the Hub for a dataset, with the token, and what its clock says. Never rejects. */
export async function askHub(
  { endpoint, token }: HubSettings,
  { id, host }: { readonly id: string; readonly host: Host },
): Promise<{ readonly asked: Asked; readonly skew: readonly Skew[] }> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const url = `${endpoint}/api/datasets/${id}`;
  const asked = await ask(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
  const date = 'headers' in asked ? Date.parse(asked.headers['date'] ?? '') : Number.NaN;
  const ms = date - Date.parse(host.clock.iso());
  return { asked, skew: Number.isNaN(ms) ? [] : [{ whose: 'the Hub', ms }] };
}

const HUB = 'https://registry-1.docker.io';
/** The repository that Docker Hub keeps for this question; a HEAD request counts as no pull. */
const PREVIEW = 'ratelimitpreview/test';

/** Asks Docker Hub, or the engine's own mirror of it, how many pulls are left. The login goes to Docker's own servers only. */
export async function askRegistry(
  mirror: string | undefined,
  { host, signal }: { readonly host: Host; readonly signal: AbortSignal },
): Promise<Pick<Registry, 'url' | 'asked' | 'login'>> {
  const url = (mirror ?? HUB).replace(/\/+$/, '');
  const folder = host.env['DOCKER_CONFIG'] ?? `${host.home}/.docker`;
  const found = await registryLogin(PREVIEW, folder).catch(() => 'broken' as const);
  const login = found === 'broken' ? found : found === undefined ? 'none' : 'found';
  const manifest = `${url}/v2/${PREVIEW}/manifests/latest`;
  const question = { method: 'HEAD', signal } as const;
  const first = await ask(manifest, question);
  const challenge = 'status' in first && first.status === 401 ? first.headers['www-authenticate'] : undefined;
  const isLogin = mirror === undefined && typeof found === 'object';
  const basic = isLogin ? basicOf(found) : undefined;
  // What is granted without the login says nothing of what is granted with it.
  if (challenge === undefined || (isLogin && basic === undefined)) return { url, login, asked: first };
  const token = await tokenOf(challenge, { basic, signal });
  if (typeof token === 'string')
    return {
      url,
      login,
      asked: await ask(manifest, { ...question, headers: { authorization: `Bearer ${token}` } }),
    };
  const isRefused = basic !== undefined && 'status' in token && token.status === 401;
  return { url, login: isRefused ? 'refused' : login, asked: token };
}

/** A login with a password as a header; one with an identity token can't be told so. */
function basicOf(login: object): string | undefined {
  const { username, password } = login as { readonly username?: string; readonly password?: string };
  if (username === undefined || username === '') return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** The token that a challenge `Bearer realm="...",service="..."` stands for, or why there is none. */
async function tokenOf(
  challenge: string,
  { basic, signal }: { readonly basic: string | undefined; readonly signal: AbortSignal },
): Promise<string | Asked> {
  const field = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1];
  const realm = field('realm') ?? '';
  if (!URL.canParse(realm)) return { status: 401, headers: {} };
  const address = new URL(realm);
  address.search = new URLSearchParams({
    service: field('service') ?? '',
    scope: `repository:${PREVIEW}:pull`,
  }).toString();
  const isDockers = address.protocol === 'https:' && address.hostname.endsWith('.docker.io');
  const headers = basic !== undefined && isDockers ? { authorization: basic } : undefined;
  try {
    const answer = await send(address.href, { signal, ...(headers === undefined ? {} : { headers }) });
    const said = (await answer.json()) as { readonly token?: unknown };
    return typeof said.token === 'string' ? said.token : { status: answer.status, headers: {} };
  } catch (error) {
    return failureOf(error);
  }
}

const CERTIFICATES = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'GIT_SSL_CAINFO',
  'REQUESTS_CA_BUNDLE',
  'PIP_CERT',
];

/** The files of certificates that the environment names. */
export async function certificatesOf({ env }: Host): Promise<readonly CertificateFile[]> {
  const named = CERTIFICATES.flatMap((variable) => {
    const path = env[variable];
    return path === undefined || path === '' ? [] : [{ variable, path }];
  });
  return Promise.all(
    named.map((file) =>
      access(file.path, constants.R_OK).then(
        () => file,
        (error) => ({ ...file, error: messageOf(error).replace(/:.*/, '') }),
      ),
    ),
  );
}

const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];
const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Whether the environment names a proxy. */
export function isProxied({ env }: Host): boolean {
  return PROXIES.some((variable) => (env[variable] ?? '') !== '');
}

/** The proxies that the environment names; tried, unless `offline`. */
export async function proxiesOf(
  { env }: Host,
  { offline, signal }: { readonly offline: boolean; readonly signal: AbortSignal },
): Promise<readonly ProxyAddress[]> {
  const named = PROXIES.flatMap((variable) => {
    const value = env[variable];
    return value === undefined || value === '' ? [] : [{ variable, value }];
  });
  return Promise.all(
    named.map(async ({ variable, value }) => {
      const text = value.includes('://') ? value : `http://${value}`;
      if (!URL.canParse(text)) return { variable, address: '(no address)', error: 'it is no URL' };
      const { hostname, port, protocol } = new URL(text);
      const to = port === '' ? (PORTS[protocol] ?? 1080) : Number(port);
      const error = offline ? undefined : await reach(hostname, to, signal);
      return { variable, address: `${hostname}:${to}`, ...(error === undefined ? {} : { error }) };
    }),
  );
}

/** Why nothing listens at an address; undefined when something does. */
function reach(host: string, port: number, signal: AbortSignal): Promise<string | undefined> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  return new Promise((resolve) => {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port, signal: either });
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.name === 'AbortError' ? 'no answer' : (error.code ?? error.message)),
    );
  });
}
