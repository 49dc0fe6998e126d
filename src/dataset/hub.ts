import { join } from 'node:path';

/** How to reach the Hugging Face Hub and where its shared cache lies. */
export interface HubSettings {
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly token?: string;
  /** Never use the network. */
  readonly offline: boolean;
  /** The Hub cache shared with Python, holding `datasets--owner--name` folders. */
  readonly cacheDir: string;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Silence of the server, in ms, after which a request is given up; default 30 s. */
  readonly idleMs?: number;
  /** Tries after the first, and the wait before the second in ms (doubled each time); default 4 and 1 s. */
  readonly retries?: number;
  readonly retryDelayMs?: number;
}

/**
 * The settings that `huggingface_hub` reads, by its rules: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HUB_CACHE,
 * HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME.
 */
export function hubSettingsFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  homedir: string,
): HubSettings {
  const home = env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir, '.cache'), 'huggingface');
  return {
    endpoint: (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
    ...(env['HF_TOKEN']?.trim() ? { token: env['HF_TOKEN'].trim() } : {}),
    offline: isHubOffline(env),
    cacheDir: env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || join(home, 'hub'),
  };
}

/** HF_HUB_OFFLINE as `huggingface_hub` reads it. */
export function isHubOffline(env: Readonly<Record<string, string | undefined>>): boolean {
  return /^(1|on|yes|true)$/i.test(env['HF_HUB_OFFLINE'] ?? '');
}
