import { readFile } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { AssayError } from '../errors.js';
import type { Instance } from '../model/instance.js';
import { seededRandom, shuffled } from '../util/random.js';
import { messageOf, withHints } from '../util/words.js';

/** Which instances, in the order in which the filters apply. Absent means "all". */
export const Selection = Type.Object({
  ids: Type.Optional(Type.Array(Type.String(), { description: 'Instance ids' })),
  idFile: Type.Optional(Type.String({ description: 'File with one instance id per line; added to `ids`' })),
  filter: Type.Optional(Type.String({ description: 'Regular expression on instance ids' })),
  repos: Type.Optional(Type.Array(Type.String(), { description: 'Repositories, owner/name' })),
  since: Type.Optional(Type.String({ description: 'Created at or after this date (ISO 8601, UTC)' })),
  until: Type.Optional(Type.String({ description: 'Created before this date (ISO 8601, UTC)' })),
  month: Type.Optional(Type.String({ description: 'Created in this month, e.g. 2025-05' })),
  shuffleSeed: Type.Optional(Type.Integer({ description: 'Shuffle with this seed' })),
  slice: Type.Optional(Type.String({ description: 'Python-like slice a:b of what is left' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, description: 'At most this many instances' })),
});
export type Selection = Static<typeof Selection>;

/**
 * The chosen instances. Rejects with AssayError(usage) for an option that makes no sense and for ids that the
 * dataset doesn't hold, with near matches.
 */
export async function selectInstances(all: readonly Instance[], selection: Selection): Promise<Instance[]> {
  const { shuffleSeed, slice, limit } = selection;
  let chosen = await byIds(all, selection);
  for (const test of filtersOf(selection)) chosen = chosen.filter(test);
  if (shuffleSeed !== undefined) {
    if (!Number.isSafeInteger(shuffleSeed)) throw wrong('shuffle', shuffleSeed, 'a whole number');
    // Sorted first, so that the order of rows in the file doesn't matter.
    chosen = shuffled(chosen.toSorted(byId), seededRandom(shuffleSeed));
  }
  if (slice !== undefined) chosen = chosen.slice(...bounds(slice));
  if (limit !== undefined) {
    if (!Number.isSafeInteger(limit) || limit < 1) throw wrong('limit', limit, 'a whole number from 1');
    chosen = chosen.slice(0, limit);
  }
  return chosen;
}

async function byIds(all: readonly Instance[], { ids, idFile }: Selection): Promise<Instance[]> {
  if (ids === undefined && idFile === undefined) return [...all];
  const wanted = new Set([...(ids ?? []), ...(idFile === undefined ? [] : await readIds(idFile))]);
  const chosen = all.filter((instance) => wanted.has(instance.instanceId));
  if (chosen.length < wanted.size) {
    const known = new Set(all.map((instance) => instance.instanceId));
    const missing = [...wanted].filter((id) => !known.has(id));
    throw new AssayError('usage', `not in the dataset: ${withHints(missing, known)}`);
  }
  return chosen;
}

/** One id per line; blank lines and lines that start with # are skipped. */
async function readIds(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new AssayError('usage', `--id-file ${path}: ${messageOf(error)}`);
  }
  const ids = text.split('\n').map((line) => line.trim());
  return ids.filter((id) => id !== '' && !id.startsWith('#'));
}

function* filtersOf(selection: Selection): Generator<(instance: Instance) => boolean> {
  const { filter, repos, since, until, month } = selection;
  if (filter !== undefined) {
    const regex = parseRegex(filter);
    yield ({ instanceId }) => regex.test(instanceId);
  }
  if (repos !== undefined) {
    const wanted = new Set(repos.map((repo) => repo.toLowerCase()));
    yield ({ repo }) => wanted.has(repo.toLowerCase());
  }
  if (since !== undefined) {
    const from = parseDate('since', since);
    yield ({ createdAt }) => createdAt !== undefined && Date.parse(createdAt) >= from;
  }
  if (until !== undefined) {
    const to = parseDate('until', until);
    yield ({ createdAt }) => createdAt !== undefined && Date.parse(createdAt) < to;
  }
  if (month !== undefined) {
    const match = /^(\d{4})[-_](0[1-9]|1[0-2])$/.exec(month);
    if (match === null) throw wrong('month', month, 'a month such as 2025-05');
    yield ({ createdAt }) => createdAt?.startsWith(`${match[1]}-${match[2]}-`) ?? false;
  }
}

function parseRegex(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    throw new AssayError('usage', `--filter: ${messageOf(error)}`);
  }
}

/** `2025`, `2025-05`, `2025-05-01` or a full ISO date in UTC -> ms since 1970. */
function parseDate(flag: string, text: string): number {
  const isDate = /^\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?$/.test(
    text,
  );
  const hasTime = /\d{2}:\d{2}/.test(text);
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10));
  const ms = isDate ? Date.parse(text.replace(' ', 'T') + (hasTime && !hasZone ? 'Z' : '')) : Number.NaN;
  if (Number.isNaN(ms)) throw wrong(flag, text, 'a date such as 2025-05-01');
  return ms;
}

function bounds(text: string): [number | undefined, number | undefined] {
  const match = /^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*$/.exec(text);
  if (match === null) throw wrong('slice', text, 'a:b, e.g. 0:100, 100: or :-1');
  const bound = (part: string | undefined) => (part === undefined ? undefined : Number(part));
  return [bound(match[1]), bound(match[2])];
}

function wrong(flag: string, value: unknown, expected: string): AssayError {
  return new AssayError('usage', `--${flag} ${value}: expected ${expected}`);
}

function byId(a: Instance, b: Instance): number {
  return a.instanceId < b.instanceId ? -1 : 1;
}
