import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Static, Type } from 'typebox';
import { AssayError } from '../errors.js';
import { ImageRecipe } from '../model/eval-spec.js';
import { readIfExists } from '../util/files.js';
import { schemaFault } from '../util/schema.js';

const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });
/** The kinds of files of an export; nothing else is read, so that no name leads out of the folder. */
const FILE_NAME =
  '^(images\\.tar\\.br|repositories/[\\w.-]+\\+[\\w.-]+\\.(pack\\.br|refs)|locks/[0-9a-f]{16}\\.json|wheels/[0-9a-f]{16}\\.tar)$';

const NamedImage = Type.Object({ ref: Type.String({ minLength: 1 }), id: Digest });

/** What an export holds, and what the images made from it must be. */
export const ExportIndex = Type.Object({
  schemaVersion: Type.Literal(1),
  files: Type.Array(
    Type.Object({
      name: Type.String({ pattern: FILE_NAME }),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      bytes: Type.Integer({ minimum: 0 }),
    }),
  ),
  /** The base image of each Python version; without one, that of environments without Python. */
  bases: Type.Array(
    Type.Object({ python: Type.Optional(Type.String()), ref: Type.String({ minLength: 1 }), id: Digest }),
  ),
  /** Of `images.tar.br`: bases, what environments share, and environments. */
  images: Type.Array(NamedImage),
  instances: Type.Array(
    Type.Object({
      instanceId: Type.String({ minLength: 1 }),
      recipe: Type.Intersect([
        ImageRecipe,
        Type.Object({
          source: Type.Object({
            kind: Type.Literal('git'),
            repo: Type.String(),
            commit: Type.String({ pattern: '^[0-9a-f]{40}$' }),
          }),
        }),
      ]),
      ref: Type.String({ minLength: 1 }),
      id: Digest,
      /** Diff ids from the base up, as built where this was exported. */
      layers: Type.Array(Digest),
    }),
  ),
});
export type ExportIndex = Static<typeof ExportIndex>;
export type ExportedInstance = ExportIndex['instances'][number];
export type ExportedFile = ExportIndex['files'][number];

export const INDEX_FILE = 'index.json';
export const IMAGES_FILE = 'images.tar.br';

/** The index of an export; undefined when there is none. Rejects with `bad_export` when it is none of ours. */
export async function readIndex(folder: string): Promise<ExportIndex | undefined> {
  const path = join(folder, INDEX_FILE);
  const text = await readIfExists(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AssayError('bad_export', `${path}: not JSON: ${(error as Error).message}`);
  }
  const fault = schemaFault(value, ExportIndex);
  if (fault !== undefined) throw new AssayError('bad_export', `${path}: ${fault}`);
  return value as ExportIndex;
}

/** Name without the ending of a repository's files in an export. */
export function repositoryFile(repo: string): string {
  return `repositories/${repo.replace('/', '+')}`;
}

/** Size and hash of a file of an export. Rejects with Node's own errors. */
export async function describeFile(folder: string, name: string): Promise<ExportedFile> {
  const path = join(folder, name);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return { name, sha256: hash.digest('hex'), bytes: (await stat(path)).size };
}
