import { type Static, Type } from 'typebox';
import { AssayError, type Instance } from '../src/index.js';

/** A name that is safe as a file, container and image name; no path can be built from it. */
const InstanceId = Type.String({
  pattern: '^(?!.*\\.\\.)[A-Za-z0-9][A-Za-z0-9._-]{0,199}$',
  description: 'a name of at most 200 letters, digits, ".", "_" and "-", without ".."',
});
const Repo = Type.String({
  pattern: '^(?!.*\\.\\.)[A-Za-z0-9][\\w.-]*/[\\w.-]+$',
  description: 'owner/name',
});
/** Goes into git commands, so it can't start with a dash. */
export const Commit = Type.String({
  pattern: '^[A-Za-z0-9][\\w.-]{0,99}$',
  description: 'a commit (letters, digits, ".", "_", "-")',
});
const TestList = Type.Union([Type.Array(Type.String()), Type.String()], {
  description: 'a list of test names, or its JSON text',
});
const CreatedAt = Type.Union([Type.String(), Type.Number()], {
  description: 'a date as text, or milliseconds since 1970',
});

/** A shell command or several. */
export const Commands = Type.Union([Type.Array(Type.String()), Type.String()], {
  description: 'a text or a list of texts',
});

/** The fields that rows of all formats share. */
export const CommonFields = {
  instance_id: InstanceId,
  repo: Repo,
  base_commit: Commit,
  patch: Type.String(),
  test_patch: Type.String(),
  problem_statement: Type.String(),
  FAIL_TO_PASS: TestList,
  PASS_TO_PASS: TestList,
  hints_text: Type.Optional(Type.String()),
  created_at: Type.Optional(CreatedAt),
  version: Type.Optional(Type.String()),
  environment_setup_commit: Type.Optional(Type.String()),
  difficulty: Type.Optional(Type.String()),
};
const CommonRow = Type.Object(CommonFields);

/** What every row says of its instance. */
export function commonInstance(row: Static<typeof CommonRow>) {
  return {
    schemaVersion: 1,
    instanceId: row.instance_id,
    repo: row.repo,
    baseCommit: row.base_commit,
    environmentSetupCommit: some(row.environment_setup_commit),
    version: some(row.version),
    createdAt: isoDate('created_at', row.created_at),
    difficulty: some(row.difficulty),
    problemStatement: row.problem_statement,
    hintsText: some(row.hints_text),
    patch: row.patch,
    testPatch: row.test_patch,
    failToPass: testList('FAIL_TO_PASS', row.FAIL_TO_PASS),
    passToPass: testList('PASS_TO_PASS', row.PASS_TO_PASS),
  } as const satisfies Partial<Instance>;
}

/** FAIL_TO_PASS or PASS_TO_PASS: a list, its JSON text, or the text that Python prints for it. */
function testList(field: string, value: readonly string[] | string): string[] {
  if (typeof value !== 'string') return [...value];
  const list = jsonList(value) ?? pythonList(value);
  if (list === undefined) throw badField(field, value, 'is no list of test names');
  return list;
}

/** Text (UTC where it names no zone) or ms since 1970 -> ISO 8601 in UTC. */
function isoDate(field: string, value: string | number | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  const date = new Date(typeof value === 'number' ? value : dateText(value));
  if (Number.isNaN(date.getTime())) throw badField(field, value, 'is no date');
  return date.toISOString();
}

/** Undefined for an empty text: rows say "none" in both ways. */
export function some(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

const DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) ?(Z|UTC|[+-]\d{2}:?\d{2})?)?$/;

function dateText(text: string): string {
  const match = DATE.exec(text.trim());
  if (match === null) return 'not a date';
  const [, day, time = '00:00', zone = 'Z'] = match;
  return `${day}T${time}${zone === 'UTC' ? 'Z' : zone}`;
}

function jsonList(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One item; a longer one is no test name. */
const PYTHON_STRING = /\s*(?:'((?:[^'\\]|\\[\s\S]){0,10000})'|"((?:[^"\\]|\\[\s\S]){0,10000})")\s*(,|$)/y;
const PYTHON_ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/** `['a', "b'c"]`, as Python's repr writes a list of strings. */
function pythonList(text: string): string[] | undefined {
  const inner = /^\s*\[([\s\S]*)\]\s*$/.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const items: string[] = [];
  for (let at = 0; inner.slice(at).trim() !== ''; at = PYTHON_STRING.lastIndex) {
    PYTHON_STRING.lastIndex = at;
    const match = PYTHON_STRING.exec(inner);
    if (match === null) return undefined;
    items.push(unescapePython(match[1] ?? match[2] ?? ''));
  }
  return items;
}

function unescapePython(text: string): string {
  return text.replace(PYTHON_ESCAPE, (whole, x, u, long, char: string | undefined) => {
    const code = x ?? u ?? long;
    if (code === undefined) return ESCAPED[char ?? ''] ?? (/[\\'"]/.test(char ?? '') ? (char ?? '') : whole);
    const point = Number.parseInt(code, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function badField(field: string, value: unknown, fault: string): AssayError {
  const text = String(value);
  const cut = text.length <= 80 ? text : `${text.slice(0, 80)}… (${text.length} characters)`;
  return new AssayError('bad_dataset', `field "${field}" ${fault}, got ${JSON.stringify(cut)}`);
}
