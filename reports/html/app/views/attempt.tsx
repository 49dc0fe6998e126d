import { useEffect, useState } from 'preact/hooks';
import type { AttemptDetail, RunPage } from '../../model.js';
import { readJson } from '../source.js';
import type { ViewProps } from './view.js';

/** One attempt at an instance: `i/<instance id>/<attempt>`. */
export function AttemptView({ page, source, route }: ViewProps & { readonly page: RunPage }) {
  const [, instanceId, attempt] = route.path;
  const row = page.rows.find((one) => one.instanceId === instanceId && String(one.attempt) === attempt);
  const [detail, setDetail] = useState<AttemptDetail>();
  const [log, setLog] = useState<string>();
  useEffect(() => {
    if (row?.detail !== undefined) void readJson<AttemptDetail>(source, row.detail).then(setDetail);
    const [first] = row?.logs ?? [];
    if (first !== undefined)
      void source.blob(first).then(async (stream) => setLog(await new Response(stream).text()));
  }, [row, source]);
  if (row === undefined)
    return (
      <p role="alert">
        This run has no attempt {attempt} at {instanceId}.
      </p>
    );
  return (
    <main>
      <h1>{row.instanceId}</h1>
      <p>{row.outcome}</p>
      <pre>{detail?.patch}</pre>
      <pre>{detail?.goldPatch}</pre>
      <pre>{log}</pre>
    </main>
  );
}
