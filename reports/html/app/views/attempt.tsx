import type { AttemptDetail, AttemptRow, EpisodeDetail, RunPage } from '../../model.js';
import { Patches } from '../parts/diff.js';
import { Episode } from '../parts/episode.js';
import { type Loaded, useJson } from '../parts/loaded.js';
import { LOG_WORDS, Log } from '../parts/log.js';
import { LongText } from '../parts/more.js';
import { Strange } from '../parts/strange.js';
import { replaceRoute } from '../route.js';
import type { Source } from '../source.js';
import { Conditions } from './attempt-conditions.js';
import { AttemptHead } from './attempt-head.js';
import { type Place, parsePlace, placeHash, VIEWS, type View } from './attempt-place.js';
import { Result } from './attempt-result.js';
import type { ViewProps } from './view.js';
import './attempt.css';

/** One attempt at an instance: `i/<instance id>/<attempt>`. */
export function AttemptView({ page, source, base, route }: ViewProps & { readonly page: RunPage }) {
  const [, instanceId = '', attempt = ''] = route.path;
  const row = page.rows.find((one) => one.instanceId === instanceId && String(one.attempt) === attempt);
  if (row === undefined)
    return (
      <main>
        <p role="alert">
          This run has no attempt <Strange text={attempt} /> at <Strange text={instanceId} />.
        </p>
      </main>
    );
  const addressOf = (place: Place) => placeHash([...base, 'i', instanceId, attempt], route.query, place);
  const place = parsePlace(route.query);
  const views = viewsOf(row);
  const view = views.includes(place.view) ? place.view : (views[0] ?? 'result');
  return (
    <main class="attempt">
      <AttemptHead page={page} row={row} base={base} query={route.query} />
      <nav class="views" aria-label="Parts of this attempt">
        {views.map((one) => (
          <a key={one} href={addressOf({ view: one })} aria-current={one === view ? 'page' : undefined}>
            {VIEWS[one]}
          </a>
        ))}
      </nav>
      <Part key={`${instanceId}#${attempt}`} {...{ source, row, view, place, addressOf }} />
    </main>
  );
}

function viewsOf({ detail, logs, episode }: AttemptRow): readonly View[] {
  return [
    'result',
    ...(detail === undefined ? [] : (['patch'] as const)),
    ...(logs.length === 0 ? [] : (['log'] as const)),
    ...(episode === undefined ? [] : (['episode'] as const)),
    ...(detail === undefined ? [] : (['conditions'] as const)),
  ];
}

interface PartProps {
  readonly source: Source;
  readonly row: AttemptRow;
  readonly view: View;
  readonly place: Place;
  readonly addressOf: (place: Place) => string;
}

function Part({ source, row, view, place, addressOf }: PartProps) {
  const detail = useJson<AttemptDetail>(source, row.detail);
  const { value } = detail;
  if (view === 'log') return <Logs {...{ source, row, place, addressOf }} />;
  if (view === 'episode') return <EpisodeOf {...{ source, row, place, addressOf }} />;
  if (row.detail === undefined) return <Unjudged row={row} />;
  if (value === undefined) return <Waiting {...detail} />;
  const { verdict, patch, goldPatch } = value;
  switch (view) {
    case 'result': {
      const [log] = row.logs;
      const mention = (test: string) => addressOf({ view: 'log', test });
      return <Result verdict={verdict} mention={log?.name === 'test' ? mention : undefined} />;
    }
    case 'patch':
      return <Patches patch={patch} gold={goldPatch} guarded={verdict.strict?.guarded ?? []} />;
    case 'conditions':
      return <Conditions detail={value} />;
  }
}

type InPlace = Pick<PartProps, 'source' | 'row' | 'place' | 'addressOf'>;

function Logs({ source, row: { logs, outcome }, place, addressOf }: InPlace) {
  const log = logs.find(({ name }) => name === (place.log ?? 'test')) ?? logs[0];
  if (log === undefined) return null;
  const inLog = (at: Omit<Place, 'view' | 'log'>): Place => ({ view: 'log', log: log.name, ...at });
  const { line, find, test } = place;
  return (
    <>
      {logs.length > 1 && (
        <nav class="which" aria-label="Logs of this attempt">
          {logs.map(({ name }) => (
            <a
              key={name}
              href={addressOf({ view: 'log', log: name })}
              aria-current={name === log.name ? 'page' : undefined}
            >
              {LOG_WORDS[name]}
            </a>
          ))}
        </nav>
      )}
      <Log
        key={log.key}
        {...{ source, log }}
        place={{ line, find, test }}
        addressOf={(at) => addressOf(inLog(at))}
        go={(at) => replaceRoute(addressOf(inLog(at)))}
        failed={log.name === 'test' && outcome !== 'resolved'}
      />
    </>
  );
}

function EpisodeOf({ source, row, place: { turn }, addressOf }: InPlace) {
  const episode = useJson<EpisodeDetail>(source, row.episode?.detail);
  if (episode.value === undefined) return <Waiting {...episode} />;
  return (
    <Episode
      episode={episode.value}
      turn={turn}
      addressOf={(to) => addressOf({ view: 'episode', turn: to })}
    />
  );
}

function Unjudged({ row: { outcome, reason } }: { readonly row: AttemptRow }) {
  return (
    <>
      <p>
        {outcome === 'no_prediction'
          ? 'The submission has no prediction for this instance: it counts as not resolved.'
          : 'There is no verdict on this attempt yet.'}
      </p>
      {reason !== undefined && <LongText text={reason} />}
    </>
  );
}

function Waiting({ failure }: Loaded<unknown>) {
  return failure === undefined ? <p role="status">Loading…</p> : <p role="alert">{failure}</p>;
}
