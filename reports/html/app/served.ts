import type { BlobRef, Page } from '../model.js';
import type { Source } from './source.js';

/** A page that `assay view` serves, by its path; a run is followed while it goes on. */
export function servedSource(path: string): Source {
  return {
    page: async () => (await (await get(path)).json()) as Page,
    async blob({ key }: BlobRef) {
      const { body } = await get(key);
      if (body === null) throw new Error(`${key}: the answer is empty`);
      return body;
    },
    watch(changed) {
      if (!path.startsWith('/api/runs/')) return () => undefined;
      const events = new EventSource(`${path}/events`);
      events.onmessage = changed;
      return () => events.close();
    },
  };
}

/** An answer of the server; rejects with what the server says is wrong. */
export async function get(path: string): Promise<Response> {
  const response = await fetch(path);
  if (response.ok) return response;
  const said = (await response.json().catch(() => undefined)) as { error?: string } | undefined;
  throw new Error(said?.error ?? `${path}: ${response.status}`);
}
