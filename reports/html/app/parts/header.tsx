import type { Page, RunPage } from '../../model.js';
import { titleOf } from '../../title.js';
import { type Route, routeHash } from '../route.js';
import { lastList } from '../scroll.js';
import { parseSelection, selectionQuery } from '../selection.js';
import { reveal, SECTIONS } from '../views/run-sections.js';
import { Strange } from './strange.js';
import './header.css';

interface HeaderProps {
  readonly page: Page;
  readonly base: readonly string[];
  readonly route: Route;
}

/** Stands above every view: the way home, and to the sections of a run. */
export function Header({ page, base, route }: HeaderProps) {
  return (
    <header class="top">
      <button type="button" class="skip" onClick={() => document.querySelector<HTMLElement>('main')?.focus()}>
        Skip to content
      </button>
      {base.length > 0 && <a href={routeHash([])}>All runs</a>}
      {page.kind === 'run' && <RunLinks page={page} base={base} route={route} />}
    </header>
  );
}

function RunLinks({ page, base, route }: HeaderProps & { readonly page: RunPage }) {
  const query = selectionQuery(parseSelection(route.query));
  if (route.path[0] === 'i')
    return (
      <nav aria-label="Run">
        <a href={lastList() ?? routeHash([...base, 'instances'], query)}>← All instances</a>
        <a href={routeHash(base, query)}>
          <Strange text={titleOf(page)} />
        </a>
      </nav>
    );
  return (
    <nav aria-label="Sections">
      {Object.entries(SECTIONS).map(([id, title]) => (
        <a key={id} href={routeHash([...base, id], query)} onClick={() => reveal(id)}>
          {title}
        </a>
      ))}
    </nav>
  );
}
