import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { AssayError } from '../errors.js';
import { hasCode } from '../util/files.js';
import { sha256 } from '../util/hash.js';
import { decodeUtf8, isObject, type JsonRecord, parseJsonFile, readBytes } from '../util/json-file.js';
import { cut, messageOf, shown } from '../util/words.js';
import { repeatedKey } from './repeated-key.js';

/** One prediction as its file gives it. */
export interface Submitted {
  /** For messages, e.g. `preds.jsonl:12`. */
  readonly where: string;
  readonly instanceId: string;
  readonly model?: string;
  readonly patch: string | null;
}

export interface Submission {
  readonly items: readonly Submitted[];
  /** Of the file on disk; for a folder, of its list of names and hashes. */
  readonly sha256: string;
  /** Files of a folder that hold no patch. */
  readonly skipped: readonly string[];
}

/** Reads JSON lines, a JSON list, a JSON map or a folder of `.diff` files. Rejects with AssayError(bad_predictions). */
export async function readSubmission(path: string): Promise<Submission> {
  try {
    return (await stat(path)).isDirectory() ? await readFolder(path) : await readFile(path);
  } catch (error) {
    if (error instanceof AssayError) throw error;
    if (hasCode(error, 'ENOENT')) throw bad(`${path}: no such file or folder`);
    throw bad(messageOf(error), error);
  }
}

async function readFile(path: string): Promise<Submission> {
  const name = basename(path);
  if (!/\.(jsonl|json)(\.gz)?$/i.test(name))
    throw bad(`${path}: expected a .jsonl or .json file (each also .gz), or a folder of .diff files`);
  const { bytes, sha256: hash } = await readBytes(path);
  const content = parseJsonFile(bytes, name);
  if (content.kind === 'list') return { items: content.records.map(fromRecord), sha256: hash, skipped: [] };
  if ('instance_id' in content.value)
    return { items: [fromRecord({ where: name, value: content.value })], sha256: hash, skipped: [] };
  const twice = repeatedKey(decodeUtf8(bytes));
  if (twice !== undefined)
    throw bad(`${name}: the key ${shown(twice)} is there twice; several attempts need a list or JSON lines`);
  const items = Object.entries(content.value).map(([id, value]) => fromMapEntry(name, id, value));
  return { items, sha256: hash, skipped: [] };
}

function fromRecord({ where, value }: JsonRecord): Submitted {
  if (!isObject(value)) throw bad(`${where}: expected an object, got ${shown(value)}`);
  const id = value['instance_id'];
  if (typeof id !== 'string' || id === '')
    throw bad(
      `${where}: instance_id must be a text${id === undefined ? ', but the key is missing' : `, got ${shown(id)}`}`,
    );
  const model = value['model_name_or_path'];
  if (model !== undefined && model !== null && typeof model !== 'string')
    throw bad(`${where} (${cut(id)}): model_name_or_path must be a text, got ${shown(model)}`);
  return {
    where,
    instanceId: id,
    ...(typeof model === 'string' ? { model } : {}),
    patch: patchOf(`${where} (${cut(id)})`, value),
  };
}

function patchOf(where: string, value: Readonly<Record<string, unknown>>): string | null {
  const patch = value['model_patch'];
  if (typeof patch === 'string' || patch === null) return patch;
  throw bad(
    `${where}: model_patch must be a text or null${patch === undefined ? ', but the key is missing' : `, got ${shown(patch)}`}`,
  );
}

/** `id -> {model_patch, ...}` or `id -> patch`. */
function fromMapEntry(name: string, id: string, value: unknown): Submitted {
  const where = `${name}[${shown(id)}]`;
  if (typeof value === 'string' || value === null) return { where, instanceId: id, patch: value };
  if (!isObject(value)) throw bad(`${where}: expected an object or the patch itself, got ${shown(value)}`);
  const inner = value['instance_id'] ?? id;
  if (inner !== id) throw bad(`${where}: its instance_id is ${shown(inner)}`);
  return fromRecord({ where, value: { ...value, instance_id: id } });
}

const PATCH_FILE = /\.(diff|patch)(\.gz)?$/i;

/** `<id>.diff`, `<id>.2.diff` or `<id>/<name>.diff`, in the order of the numbers. */
async function readFolder(folder: string): Promise<Submission> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort(naturally);
  const patches = files.filter((file) => PATCH_FILE.test(file));
  if (patches.length === 0) throw bad(`${folder}: holds no .diff or .patch file`);
  const items: Submitted[] = [];
  const hashes: string[] = [];
  for (const file of patches) {
    const { bytes, sha256: hash } = await readBytes(join(folder, file));
    try {
      items.push({ where: file, instanceId: idOf(file), patch: decodeUtf8(bytes) });
    } catch (error) {
      throw bad(`${join(folder, file)}: ${messageOf(error)}`);
    }
    hashes.push(`${hash}  ${file}\n`);
  }
  return { items, sha256: sha256(hashes.join('')), skipped: files.filter((file) => !PATCH_FILE.test(file)) };
}

/** The name may itself hold dots (`owner__name.py-384.diff`): only a last part of digits counts as a number. */
function idOf(file: string): string {
  const parent = dirname(file);
  if (parent !== '.') return parent.split('/')[0] ?? parent;
  return file.replace(PATCH_FILE, '').replace(/\.\d+$/, '');
}

/** `x.diff` before `x.2.diff` before `x.10.diff`. */
function naturally(a: string, b: string): number {
  const [first, second] = [order(a), order(b)];
  return first === second ? (a < b ? -1 : 1) : first < second ? -1 : 1;
}

function order(file: string): string {
  return file.replace(PATCH_FILE, '').replace(/\d+/g, (digits) => digits.padStart(12, '0'));
}

function bad(message: string, cause?: unknown): AssayError {
  return new AssayError('bad_predictions', message, cause === undefined ? {} : { cause });
}
