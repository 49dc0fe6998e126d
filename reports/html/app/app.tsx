import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { Page } from '../model.js';
import { titleOf } from '../title.js';
import { Header } from './parts/header.js';
import { useRoute } from './route.js';
import { useTop } from './scroll.js';
import { servedSource } from './served.js';
import type { Source } from './source.js';
import { AttemptView } from './views/attempt.js';
import { CompareView } from './views/compare.js';
import { RunView } from './views/run.js';
import { RunsView } from './views/runs.js';
import { TrainingView } from './views/training.js';
import type { ViewProps } from './views/view.js';

/** The whole page: of one report file, or of all runs that a server has, where `runs/<name>` comes first in the path. */
export function App({ embedded }: { readonly embedded: Source | undefined }) {
  const route = useRoute();
  if (embedded !== undefined) return <PageView source={embedded} base={[]} route={route} />;
  const [first, ...names] = route.path;
  const [name, ...rest] = names;
  if (name === undefined) return <RunsView />;
  const path =
    first === 'compare'
      ? `/api/compare?${new URLSearchParams(names.map((run) => ['run', run]))}`
      : `/api/runs/${encodeURIComponent(name)}`;
  const props =
    first === 'compare'
      ? { base: route.path, route: { ...route, path: [] } }
      : { base: ['runs', name], route: { ...route, path: rest } };
  return <PageView key={path} source={servedBy(path)} {...props} />;
}

const served = new Map<string, Source>();

function servedBy(path: string): Source {
  const known = served.get(path) ?? servedSource(path);
  served.set(path, known);
  return known;
}

function PageView(props: ViewProps) {
  const { source } = props;
  const [page, setPage] = useState<Page>();
  const [failure, setFailure] = useState<string>();
  // Not after the next frame: a file has the page at hand, and its blobs, which are read meanwhile, would come first.
  useLayoutEffect(() => {
    const load = () => source.page().then(setPage, (error: Error) => setFailure(error.message));
    void load();
    return source.watch?.(load);
  }, [source]);
  if (failure !== undefined) return <p role="alert">{failure}</p>;
  if (page === undefined) return <p role="status">Loading…</p>;
  return <LoadedView {...props} page={page} />;
}

function LoadedView({ page, ...props }: ViewProps & { readonly page: Page }) {
  const [kind, instanceId, attempt] = props.route.path;
  const item = kind === 'i' ? [instanceId, attempt].filter(Boolean).join(', attempt ') : '';
  useTop(item);
  useEffect(() => {
    document.title = [item, titleOf(page)].filter(Boolean).join(' - ');
  }, [item, page]);
  return (
    <>
      <Header {...props} page={page} />
      {viewOf(page, props)}
    </>
  );
}

function viewOf(page: Page, props: ViewProps) {
  switch (page.kind) {
    case 'run':
      return props.route.path[0] === 'i' ? (
        <AttemptView {...props} page={page} />
      ) : (
        <RunView {...props} page={page} />
      );
    case 'training':
      return <TrainingView {...props} page={page} />;
    case 'compare':
      return <CompareView {...props} page={page} />;
  }
}
