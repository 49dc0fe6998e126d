import { basename } from 'node:path';
import { AssayError } from '../errors.js';
import { isObject, type JsonContent, parseJsonFile, readBytes } from '../util/json-file.js';
import { listed, messageOf } from '../util/words.js';

/** What a publication says of one submitted patch. `error`: not resolved, and not said whether by the patch's or the machine's fault. */
export interface Fate {
  readonly kind: 'resolved' | 'unresolved' | 'empty' | 'error';
  /** The publication's own word: the list that names the instance, or why it failed. */
  readonly says: string;
  /** The publication's own class of an infrastructure failure. */
  readonly infra?: boolean;
}

/** Outcomes as others published them, without logs. */
export interface PublishedOutcomes {
  readonly format: string;
  /** Undefined where the file doesn't name one. */
  readonly model: string | undefined;
  readonly sha256: string;
  readonly fates: ReadonlyMap<string, Fate>;
  /** What of the instances that it doesn't name; undefined: nothing was submitted for them. */
  readonly others: Fate | undefined;
}

const FORMATS =
  'a list of resolved ids, {"model": [resolved ids]}, results.json of SWE-bench/experiments, or <model>.<run>.json of the SWE-bench harness';
const NOT_NAMED: Fate = { kind: 'unresolved', says: 'not among the resolved ones' };
/** Lists of SWE-bench/experiments' results.json that name failures; its others say how far an instance came. */
const NO_REPORT = ['no_logs', 'install_fail', 'reset_failed', 'no_apply', 'test_errored', 'test_timeout'];

/** Reads a JSON file of outcomes; `usage` when it is none of the formats, or holds several models and `model` names none of them. */
export async function readOutcomes(path: string, model: string | undefined): Promise<PublishedOutcomes> {
  const { bytes, sha256 } = await readBytes(path);
  let content: JsonContent;
  try {
    content = parseJsonFile(bytes, basename(path));
  } catch (error) {
    throw new AssayError('usage', messageOf(error), { detail: `expected ${FORMATS}` });
  }
  return { sha256, ...outcomesOf(content, basename(path), model) };
}

function outcomesOf(
  content: JsonContent,
  name: string,
  model: string | undefined,
): Omit<PublishedOutcomes, 'sha256'> {
  if (content.kind === 'list') {
    const ids = content.records.map(({ value }) => value);
    return { format: 'list of resolved ids', model, fates: resolvedOnly(ids, name), others: NOT_NAMED };
  }
  const { value } = content;
  const list = (key: string) => idsOf(value[key] ?? [], `${name}: ${key}`);
  if (value['resolved_ids'] !== undefined)
    return { format: 'harness report', model, fates: reportFates(value, list), others: undefined };
  if (value['resolved'] !== undefined)
    return { format: 'results.json', model, fates: resultFates(list), others: NOT_NAMED };
  const names = Object.keys(value);
  const [only] = names;
  const chosen = model ?? (names.length === 1 ? only : undefined);
  if (chosen === undefined || !Object.hasOwn(value, chosen))
    throw new AssayError('usage', `${name} has the outcomes of ${listed(names) || 'nothing'}`, {
      detail: `name one of them with --model; expected is ${FORMATS}`,
    });
  return {
    format: 'map of resolved ids',
    model: chosen,
    fates: resolvedOnly(value[chosen], `${name}: ${chosen}`),
    others: NOT_NAMED,
  };
}

type ListOf = (key: string) => readonly string[];

function resolvedOnly(ids: unknown, where: string): ReadonlyMap<string, Fate> {
  return new Map(idsOf(ids, where).map((id) => [id, { kind: 'resolved', says: 'resolved' }]));
}

/** Later lists win. */
function resultFates(list: ListOf): ReadonlyMap<string, Fate> {
  return new Map([
    ...NO_REPORT.flatMap((key) => named(list(key), { kind: 'error', says: key })),
    ...named(list('no_generation'), { kind: 'empty', says: 'no_generation' }),
    ...named(list('resolved'), { kind: 'resolved', says: 'resolved' }),
  ]);
}

function reportFates(value: Readonly<Record<string, unknown>>, list: ListOf): ReadonlyMap<string, Fate> {
  const infra = new Set(list('infra_failure_ids'));
  const reasons = isObject(value['failure_reasons']) ? value['failure_reasons'] : {};
  const failed = (key: string, kind: 'unresolved' | 'error') =>
    list(key).map((id): readonly [string, Fate] => {
      const reason = reasons[id];
      const says = typeof reason === 'string' ? `${key}: ${reason}` : key;
      return [id, { kind, says, ...(infra.has(id) ? { infra: true } : {}) }];
    });
  return new Map([
    ...named(list('submitted_ids'), { kind: 'error', says: 'submitted_ids alone' }),
    ...failed('error_ids', 'error'),
    ...failed('unresolved_ids', 'unresolved'),
    ...named(list('empty_patch_ids'), { kind: 'empty', says: 'empty_patch_ids' }),
    ...named(list('resolved_ids'), { kind: 'resolved', says: 'resolved_ids' }),
  ]);
}

function named(ids: readonly string[], fate: Fate): readonly (readonly [string, Fate])[] {
  return ids.map((id) => [id, fate]);
}

function idsOf(value: unknown, where: string): readonly string[] {
  if (Array.isArray(value) && value.every((id) => typeof id === 'string')) return value;
  throw new AssayError('usage', `${where}: expected a list of instance ids`, {
    detail: `expected ${FORMATS}`,
  });
}
