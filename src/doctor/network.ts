import { type Finding, fail, ok, skip, warn } from './finding.js';

/** What came of asking a server. */
export type Asked =
  | { readonly status: number; readonly headers: Readonly<Record<string, string>> }
  /** Code of the connection's error, e.g. `ECONNREFUSED`, and its words. */
  | { readonly error: string; readonly words: string };

/** Why a server can't be asked, and what to do about it. `proxied`: a proxy variable is set. */
function unreachable(error: string, proxied: boolean): string {
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(error))
    return 'The clock of this machine may be wrong (line `clock`), or a proxy has an old certificate.';
  if (/CERT|ISSUER|SIGNATURE|SSL|TLS/.test(error))
    return 'A proxy shows a certificate of its own: name the file of its authority, `export NODE_EXTRA_CA_CERTS=/path/ca.pem`.';
  if (proxied)
    return 'Node does not take HTTPS_PROXY by itself: use Node 24 with NODE_USE_ENV_PROXY=1, or a route without proxy.';
  return error === 'ENOTFOUND' || error === 'EAI_AGAIN'
    ? 'Names of hosts are not found: check DNS (/etc/resolv.conf) and the network.'
    : 'Check the network, the firewall and the address.';
}

/** The Hugging Face Hub. */
export interface Hub {
  readonly endpoint: string;
  readonly asked: Asked;
  readonly hasToken: boolean;
  readonly proxied: boolean;
  /** The dataset isn't in the cache. */
  readonly isNeeded: boolean;
}

/** Whether the Hub gives the dataset. */
export function judgeHub({ endpoint, asked, hasToken, proxied, isNeeded }: Hub): Finding {
  const bad = isNeeded ? fail : warn;
  const token = hasToken ? 'HF_TOKEN is set' : 'no HF_TOKEN';
  const otherwise = isNeeded
    ? ' Or fetch it elsewhere (`hf download` of Python has the same cache), or give a local .parquet or .jsonl file.'
    : ' The dataset is in the cache: --offline works.';
  if ('error' in asked)
    return bad(
      `${endpoint} can't be reached: ${asked.words}`,
      `${unreachable(asked.error, proxied)}${otherwise}`,
    );
  const { status } = asked;
  const found = `${endpoint} answers ${status}; ${token}`;
  if (status < 400) return ok(`${endpoint} answers; ${token}`);
  if (status === 401 || status === 403)
    return bad(
      found,
      hasToken
        ? `The token is not taken, or the dataset is gated: make one at ${endpoint}/settings/tokens, or unset HF_TOKEN.`
        : `The dataset is private, gated or misspelt: set HF_TOKEN from ${endpoint}/settings/tokens.`,
    );
  if (status === 404) return bad(found, `No such dataset there: check its name, and HF_ENDPOINT.`);
  return bad(
    found,
    status === 429 ? 'Wait, or set HF_TOKEN: those with a token may ask more.' : `Wait.${otherwise}`,
  );
}

/** A registry that images come from. */
export interface Registry {
  readonly url: string;
  readonly asked: Asked;
  /** `broken`: it can't be read; `refused`: it isn't taken. */
  readonly login: 'none' | 'found' | 'broken' | 'refused';
  /** Images of the dataset that are not here; undefined when that isn't known. */
  readonly missing: number | undefined;
  readonly proxied: boolean;
}

/** How many images may still be pulled; `ratelimit-remaining: 76;w=21600` and the like. */
export function judgeRegistry({ url, asked, login, missing, proxied }: Registry): Finding {
  const loginFix = '`docker login` lifts the limit; or `assay images pull` ahead of the run, which waits.';
  if (login === 'broken')
    return warn(
      "the login of Docker Hub is there, but can't be read",
      'Correct ~/.docker/config.json (its credsStore names a program docker-credential-... that must be on PATH), or `docker login` again.',
    );
  if (login === 'refused')
    return warn(
      'the login of Docker Hub is not taken',
      'Its password or token was changed: `docker login` again.',
    );
  if ('error' in asked) {
    const text = `${url} can't be asked from here: ${asked.words}`;
    if (missing === 0) return ok(`${text}; all images are here`);
    return warn(
      text,
      `${unreachable(asked.error, proxied)} The engine may have a way of its own: \`docker pull hello-world\`.`,
    );
  }
  const { status, headers } = asked;
  const who = login === 'found' ? 'with a login' : 'without a login';
  const limit = Number.parseInt(headers['ratelimit-limit'] ?? '', 10);
  const left = status === 429 ? 0 : Number.parseInt(headers['ratelimit-remaining'] ?? '', 10);
  if (Number.isNaN(left))
    return status >= 500
      ? warn(`${url} answers ${status}`, 'The registry is in trouble: wait, or look at its status page.')
      : ok(`${url} answers, ${who}; no limit is named`);
  const hours = Number(/w=(\d+)/.exec(headers['ratelimit-limit'] ?? '')?.[1] ?? 21_600) / 3600;
  const found = `${left} pulls left${Number.isNaN(limit) ? '' : ` of ${limit} in ${hours} h`} at ${url}, ${who}`;
  if (missing === 0) return ok(`${found}; all images are here`);
  if (left === 0) return fail(found, loginFix);
  return missing !== undefined && left < missing
    ? warn(`${found}; ${missing} images to pull`, loginFix)
    : ok(found);
}

/** A proxy that the environment names. */
export interface ProxyAddress {
  readonly variable: string;
  /** Without user and password. */
  readonly address: string;
  /** Why nothing can be sent there. */
  readonly error?: string;
}

/** Proxies: git, pip and Python take them, Node doesn't; loopback must not go through one. */
export function judgeProxies(proxies: readonly ProxyAddress[], noProxy: string): Finding {
  const [first] = proxies;
  if (first === undefined) return ok('none is set');
  const dead = proxies.find(({ error }) => error !== undefined);
  if (dead !== undefined)
    return fail(
      `${dead.variable} names ${dead.address}, which can't be reached: ${dead.error}`,
      `Correct it, or \`unset ${dead.variable}\`: git and Python send everything there.`,
    );
  const found = proxies.map(({ variable, address }) => `${variable}=${address}`).join(', ');
  const spared = noProxy.split(/[\s,]+/);
  const has = (...names: readonly string[]) => names.some((name) => spared.includes(name));
  const isSpared = has('*') || (has('127.0.0.1', '127.0.0.0/8') && has('localhost'));
  return isSpared
    ? ok(`${found}; not for loopback`)
    : warn(
        `${found}; for 127.0.0.1 and localhost, too`,
        'Clients of `assay serve` and of model servers on this machine would ask the proxy: `export NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1`.',
      );
}

/** A file of certificates that the environment names. */
export interface CertificateFile {
  readonly variable: string;
  readonly path: string;
  /** Why it can't be read. */
  readonly error?: string;
}

export function judgeCertificates(files: readonly CertificateFile[]): Finding {
  const bad = files.find(({ error }) => error !== undefined);
  if (bad !== undefined)
    return fail(
      `${bad.variable} names ${bad.path}, which can't be read: ${bad.error}`,
      `Correct the path, or \`unset ${bad.variable}\`: without it certificates of a proxy are not known.`,
    );
  return ok(files.length === 0 ? 'the usual ones' : files.map(({ variable }) => variable).join(', '));
}

/** How far another clock is ahead of ours. */
export interface Skew {
  readonly whose: string;
  readonly ms: number;
}

/** Clocks; time zones play no part. */
export function judgeClock(skews: readonly Skew[]): Finding {
  const [worst] = [...skews].sort((a, b) => Math.abs(b.ms) - Math.abs(a.ms));
  if (worst === undefined) return skip('there is no other clock to compare with');
  const seconds = Math.round(Math.abs(worst.ms) / 1000);
  const amount = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  if (seconds <= 30)
    return ok(`within ${Math.max(1, seconds)} s of ${skews.map(({ whose }) => whose).join(' and ')}`);
  const bad = seconds > 300 ? fail : warn;
  return bad(
    `${worst.whose} is ${amount} ${worst.ms > 0 ? 'ahead of' : 'behind'} this machine`,
    'Set the clock that is wrong, `sudo timedatectl set-ntp true` (after sleep restart Docker Desktop): certificates and tokens are refused, and dates of tests go wrong.',
  );
}
