import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { AssayError, hasCode, schemaFault, sha256 } from '../../../src/index.js';
import type { Saved } from '../trainer.js';

const FILE = 'tinker.json';

/** What a checkpoint is here: a name of what the server keeps. */
const Checkpoint = Type.Object({
  schemaVersion: Type.Literal(1),
  /** Of the server. */
  url: Type.String(),
  /** `tinker://MODEL/weights/NAME`. */
  path: Type.String(),
  baseModel: Type.String(),
  /** null: all parameters are trained. */
  rank: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  weightVersion: Type.String({ pattern: '^[0-9]+$' }),
});
export type Checkpoint = Static<typeof Checkpoint>;

/** Writes it whole or not at all, in place of one that is there. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<Saved> {
  await mkdir(folder, { recursive: true });
  const text = `${JSON.stringify(checkpoint, null, 2)}\n`;
  const path = join(folder, FILE);
  await writeFile(`${path}.tmp`, text, { flush: true });
  await rename(`${path}.tmp`, path);
  return {
    weightVersion: checkpoint.weightVersion,
    files: [{ name: FILE, bytes: Buffer.byteLength(text), sha256: sha256(text) }],
  };
}

/** Rejects with `checkpoint_broken` where it isn't one of this server. */
export async function readCheckpoint(folder: string, url: string): Promise<Checkpoint> {
  const path = join(folder, FILE);
  const broken = (words: string) => new AssayError('checkpoint_broken', `${path}: ${words}`);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw broken('it is not there');
    if (error instanceof SyntaxError) throw broken('it is no JSON');
    throw error;
  }
  const fault = schemaFault(value, Checkpoint);
  if (fault !== undefined) throw broken(fault);
  const checkpoint = value as Checkpoint;
  if (checkpoint.url !== url) throw broken(`it is kept by ${checkpoint.url}, and this server is ${url}`);
  return checkpoint;
}
