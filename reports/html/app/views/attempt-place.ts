import type { NamedLog } from '../../model.js';
import type { LogPlace } from '../parts/log-tools.js';
import { routeHash } from '../route.js';

/** Parts of an attempt's page, one at a time. */
export const VIEWS = {
  result: 'Result',
  patch: 'Patch',
  log: 'Log',
  episode: 'Episode',
  conditions: 'Conditions',
} as const;

export type View = keyof typeof VIEWS;

/** Where on an attempt's page the reader is. */
export interface Place extends LogPlace {
  readonly view: View;
  readonly log?: NamedLog['name'];
  /** From 1. */
  readonly turn?: number;
}

const LOGS: readonly NamedLog['name'][] = ['test', 'restored', 'inverted'];

/** The place that an address asks for; what makes no sense in it is left out. */
export function parsePlace(query: URLSearchParams): Place {
  const view = query.get('view') ?? '';
  const named = query.get('log');
  const log = LOGS.find((name) => name === named);
  const line = numberOf(query.get('line'));
  const turn = numberOf(query.get('turn'));
  const find = query.get('find');
  const test = query.get('test');
  // A line or a turn says which part is meant.
  const implied = turn !== undefined ? 'episode' : line !== undefined || log !== undefined ? 'log' : 'result';
  return {
    view: Object.hasOwn(VIEWS, view) ? (view as View) : implied,
    ...(log === undefined ? {} : { log }),
    ...(line === undefined ? {} : { line }),
    ...(turn === undefined ? {} : { turn }),
    ...(find === null ? {} : { find }),
    ...(test === null ? {} : { test }),
  };
}

const NAMES = ['view', 'log', 'line', 'turn', 'find', 'test'] as const;

/** Address of a place on the page of an attempt; what the table was narrowed by stays in it. */
export function placeHash(path: readonly string[], query: URLSearchParams, place: Place): string {
  const next = new URLSearchParams(query);
  for (const name of NAMES) next.delete(name);
  for (const name of NAMES) {
    const value = place[name];
    if (value !== undefined && value !== 'result') next.set(name, String(value));
  }
  return routeHash(path, next);
}

function numberOf(text: string | null): number | undefined {
  const number = Number(text ?? '');
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
