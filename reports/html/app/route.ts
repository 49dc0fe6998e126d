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
    const update = () => setHash(location.hash);
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  return parseRoute(hash);
}

/** Changes the address without a step in the history, as filters do while one types. */
export function replaceRoute(hash: string): void {
  history.replaceState(null, '', hash);
  dispatchEvent(new Event('hashchange'));
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
