import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { ImageInfo } from '../engine/engine.js';
import { addEntry, type LayerFile } from './layer.js';

/** An image on top of another. */
export interface ImageSpec {
  readonly parent: Pick<ImageInfo, 'layers' | 'labels' | 'config'>;
  readonly layers: readonly LayerFile[];
  readonly tag: string;
  /** Added to the parent's. */
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=value`, added to the parent's. */
  readonly env?: readonly string[];
  readonly workdir?: string;
  /** What the layers hold, for `docker history`. */
  readonly comment: string;
}

const CREATED = '2020-01-01T00:00:00Z';

/** The configuration of an image as JSON: the image's id is its hash, so equal images have equal ids everywhere. */
export function configOf({ parent, layers, labels, env = [], workdir, comment }: ImageSpec): string {
  const { config } = parent;
  return JSON.stringify({
    architecture: config.architecture,
    os: 'linux',
    created: CREATED,
    config: {
      Env: [...config.env, ...env],
      Cmd: config.cmd,
      ...(config.entrypoint.length === 0 ? {} : { Entrypoint: config.entrypoint }),
      // The recipe's commands ran as root: the tree is root's.
      User: '',
      WorkingDir: workdir ?? config.workdir,
      Labels: { ...parent.labels, ...labels },
    },
    rootfs: { type: 'layers', diff_ids: [...parent.layers, ...layers.map(({ diffId }) => diffId)] },
    history: [
      ...parent.layers.map(() => ({ created: CREATED, created_by: 'below' })),
      ...layers.map(() => ({ created: CREATED, created_by: `assay: ${comment}` })),
    ],
  });
}

/** The image as `docker load` takes it, with its own layers only: those of the parent are in the engine. */
export function imageArchive(spec: ImageSpec): Readable {
  const config = configOf(spec);
  const id = createHash('sha256').update(config).digest('hex');
  const nameOf = (diffId: string) => `${diffId.replace('sha256:', '')}.tar`;
  const manifest = [
    {
      Config: `${id}.json`,
      RepoTags: [spec.tag],
      Layers: [...spec.parent.layers, ...spec.layers.map(({ diffId }) => diffId)].map(nameOf),
    },
  ];
  const tar = pack();
  const fill = async () => {
    await addEntry(tar, { name: 'manifest.json' }, JSON.stringify(manifest));
    await addEntry(tar, { name: `${id}.json` }, config);
    for (const { file, diffId, bytes } of spec.layers)
      await pipeline(createReadStream(file), tar.entry({ name: nameOf(diffId), size: bytes }));
    tar.finalize();
  };
  fill().catch((error: Error) => tar.destroy(error));
  return Readable.from(tar);
}
