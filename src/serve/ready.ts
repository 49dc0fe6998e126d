import { statfs } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import type { EngineInfo, ImageInfo } from '../engine/engine.js';
import { messageOf } from '../util/words.js';

const Check = Type.Object({ ok: Type.Boolean(), message: Type.String() });

/** Whether gradings can be done now. */
export const Readiness = Type.Object({
  ready: Type.Boolean(),
  engine: Check,
  disk: Check,
  images: Check,
});
export type Readiness = Static<typeof Readiness>;

/** Below this a verdict and its log may not fit. */
const LEAST_FREE = 512 * 1024 ** 2;

interface ReadyOptions {
  /** An engine, or what stands for those of other machines. */
  readonly engine: {
    readonly info: () => Promise<Pick<EngineInfo, 'isolation'>>;
    readonly images: {
      readonly list: (labels: Readonly<Record<string, string>>) => Promise<readonly Pick<ImageInfo, 'ref'>[]>;
    };
  };
  /** Where verdicts are kept. */
  readonly folder: string;
  /** Names of the images that may be asked for, a list for each instance: any of them will do. */
  readonly images: readonly (readonly string[])[];
}

/** Looks at engine, disk and images; an image that isn't there yet is made when it is needed, so that alone doesn't count. */
export async function lookIfReady({ engine, folder, images }: ReadyOptions): Promise<Readiness> {
  const asked = await Promise.all([
    check(async () => (await engine.info()).isolation),
    check(async () => {
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize < LEAST_FREE)
        throw new Error(`${Math.floor((bavail * bsize) / 1024 ** 2)} MB left in ${folder}`);
      return `${Math.floor((bavail * bsize) / 1024 ** 3)} GB left`;
    }),
    check(async () => {
      const here = new Set((await engine.images.list({})).map(({ ref }) => ref));
      return `${images.filter((refs) => refs.some((ref) => here.has(ref))).length} of ${images.length} are here`;
    }),
  ]);
  const [engineCheck, disk, found] = asked;
  return { ready: engineCheck.ok && disk.ok, engine: engineCheck, disk, images: found };
}

async function check(
  look: () => Promise<string>,
): Promise<{ readonly ok: boolean; readonly message: string }> {
  try {
    return { ok: true, message: await look() };
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}
