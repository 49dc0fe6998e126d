import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ImageEngine, ImageInfo } from '../engine/engine.js';
import { type AssayError, toAssayError } from '../errors.js';
import { buildInstanceImage } from '../image/build.js';
import { mirrorOf } from '../image/mirror.js';
import { ensureBase } from '../image/resolve.js';
import type { EvalSpec } from '../model/eval-spec.js';
import { connectEngine } from './engines.js';
import { describeError, EXIT, usage } from './exit.js';
import type { DatasetFlags, SelectionFlags } from './flags.js';
import type { Host } from './host.js';
import { loadInstances, specsOf } from './inputs.js';
import { listenForInterrupt } from './interrupt.js';

type ImagesArgs = Readonly<
  {
    action: 'build';
    dataset: string;
    json: boolean;
    base?: string[];
    mirror?: string[];
    'ca-file'?: string;
  } & Partial<DatasetFlags & SelectionFlags>
>;

const DEFAULT_BASE = 'assay-base:latest';

/** `assay images build`: the images of the chosen instances, one after the other; a failed one doesn't stop the rest. */
export async function imagesCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ImagesArgs;
  const { instances } = await loadInstances(args, host);
  const { engine } = await connectEngine('docker', host);
  const interrupt = listenForInterrupt(host);
  const given = new Map((args.mirror ?? []).map((entry) => mirrorFlag(entry, host)));
  const failures: AssayError[] = [];
  try {
    await engine.info();
    for (const spec of specsOf(instances).values()) {
      if (interrupt.drain.aborted) return EXIT.interrupted;
      const from = host.clock.now();
      try {
        const image = await buildOne(spec, {
          args,
          given,
          images: engine.images,
          host,
          signal: interrupt.kill,
        });
        const seconds = Math.round(host.clock.now() - from) / 1000;
        host.out(
          args.json
            ? JSON.stringify({ instanceId: spec.instanceId, ...image, seconds })
            : `${spec.instanceId}  ${image.ref}  ${image.digest}  ${seconds.toFixed(1)} s`,
        );
      } catch (error) {
        if (interrupt.kill.aborted) return EXIT.interrupted;
        failures.push(toAssayError(error));
        host.err(`${spec.instanceId}: ${describeError(error)}`);
      }
    }
    return failures.length > 0 ? EXIT.infraLeft : EXIT.done;
  } finally {
    interrupt.release();
    await engine.close();
  }
}

interface BuildContext {
  readonly args: ImagesArgs;
  readonly given: ReadonlyMap<string, string>;
  readonly images: ImageEngine;
  readonly host: Host;
  readonly signal: AbortSignal;
}

async function buildOne({ recipe, instanceId }: EvalSpec, context: BuildContext): Promise<ImageInfo> {
  const { args, given, images, host, signal } = context;
  if (recipe === undefined) throw usage(`${instanceId} has no recipe: only its published image can be used`);
  const base = await ensureBase({
    bases: args.base ?? [DEFAULT_BASE],
    python: recipe.environment.python,
    engine: images,
    signal,
  });
  await mkdir(host.cacheDir, { recursive: true });
  const { source } = recipe;
  return buildInstanceImage({
    recipe,
    engine: images,
    base,
    mirror:
      source.kind === 'git'
        ? await mirrorOf({ repo: source.repo, commit: source.commit, given, cacheDir: host.cacheDir, signal })
        : undefined,
    cacheDir: host.cacheDir,
    caFile: args['ca-file'] === undefined ? undefined : resolve(host.cwd, args['ca-file']),
    signal,
    onLog: host.err,
  });
}

function mirrorFlag(entry: string, host: Host): readonly [string, string] {
  const [repo = '', path] = entry.split('=', 2);
  if (path === undefined || !repo.includes('/')) throw usage(`--mirror ${entry}: expected OWNER/NAME=PATH`);
  return [repo, resolve(host.cwd, path)];
}
