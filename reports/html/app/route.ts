import { useEffect, useState } from 'preact/hooks';

/** Where in the page the reader is: kept in the fragment of the address, so that it can be sent to others. */
export interface Route {
  /** Parts of the path, decoded: `['i', 'django__django-11099', '1']`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** `#/i/ID/1?tab=log` -> its parts. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return {
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map(decodePart),
    query: new URLSearchParams(query),
  };
}

/** The fragment of a route; parameters that are empty are left out. */
export function routeHash(path: readonly string[], query: URLSearchParams = new URLSearchParams()): string {
  const kept = new URLSearchParams([...query].filter(([, value]) => value !== ''));
  const text = kept.toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

/** The route, whenever it changes. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const update = () => {
      waiting = undefined;
      setHash(location.hash);
    };
    const replace = (event: Event) => setHash((event as CustomEvent<string>).detail);
    addEventListener('hashchange', update);
    addEventListener(REPLACED, replace);
    // A link leads away: what is left behind must have its address before.
    addEventListener('click', write, true);
    return () => {
      removeEventListener('hashchange', update);
      removeEventListener(REPLACED, replace);
      removeEventListener('click', write, true);
    };
  }, []);
  return parseRoute(hash);
}

const REPLACED = 'assay-route-replaced';

/** Browsers refuse an address that is changed more than some 100 times in 30 s. */
const PAUSE_MS = 400;

let last = Number.NEGATIVE_INFINITY;
let waiting: string | undefined;

/** Changes the route at once and, without a step in the history, the address: as filters do while one types. */
export function replaceRoute(hash: string): void {
  dispatchEvent(new CustomEvent(REPLACED, { detail: hash }));
  if (waiting === undefined) setTimeout(write, last + PAUSE_MS - performance.now());
  waiting = hash;
}

function write(): void {
  if (waiting === undefined) return;
  history.replaceState(null, '', waiting);
  waiting = undefined;
  last = performance.now();
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
