import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';

/** Where Docker's command line keeps the logins of Docker Hub. */
const HUB = 'https://index.docker.io/v1/';
const HELPER_MS = 10_000;

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

/** The registry in the name of an image, as the keys of Docker's config.json have it. */
function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost && first !== 'docker.io' ? first : HUB;
}

async function askHelper(
  helper: string,
  registry: string,
  env: NodeJS.ProcessEnv | undefined,
): Promise<Docker.AuthConfig | undefined> {
  const child = spawn(`docker-credential-${helper}`, ['get'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    signal: AbortSignal.timeout(HELPER_MS),
    env,
  });
  const exit = new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  child.stdin.once('error', () => {}); // a helper that is missing or ends early shows in `exit`
  child.stdin.end(registry);
  const [said, code] = await Promise.all([text(child.stdout), exit]);
  if (code !== 0) return undefined; // "credentials not found"
  const { Username, Secret } = JSON.parse(said) as { Username: string; Secret: string };
  if (Username === '<token>')
    return {
      username: '',
      password: '',
      serveraddress: registry,
      identitytoken: Secret,
    } as Docker.AuthConfig;
  return { username: Username, password: Secret, serveraddress: registry };
}

/**
 * The login that `docker login` left for the registry of an image, from config.json in `folder` or the credential helper it names;
 * undefined when there is none. The helper runs in `env`, by default our own. Rejects when the file or the helper is broken.
 */
export async function registryLogin(
  image: string,
  folder: string,
  env?: NodeJS.ProcessEnv,
): Promise<Docker.AuthConfig | undefined> {
  const file = await readFile(join(folder, 'config.json'), 'utf8').catch(() => undefined);
  if (file === undefined) return undefined;
  const { auths = {}, credHelpers = {}, credsStore } = JSON.parse(file) as DockerConfig;
  const registry = registryOf(image);
  const helper = credHelpers[registry] ?? credsStore;
  if (helper !== undefined) return askHelper(helper, registry, env);
  const login = auths[registry] ?? auths[`https://${registry}`] ?? auths[`https://${registry}/v1/`];
  if (login?.auth === undefined) return undefined;
  const [username = '', ...password] = Buffer.from(login.auth, 'base64').toString().split(':');
  const { identitytoken } = login;
  return {
    username,
    password: password.join(':'),
    serveraddress: registry,
    ...(identitytoken === undefined ? {} : { identitytoken }),
  };
}
