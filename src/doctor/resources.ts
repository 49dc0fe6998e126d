import { ERRORS } from '../errors.js';
import { showBytes } from '../util/words.js';
import { type Finding, fail, ok, skip, warn } from './finding.js';

const GIB = 2 ** 30;

/** Below this not even a run that prunes as it goes has room: one image, its layers while they are unpacked, and the next. */
const LEAST_IMAGE_DISK = 20 * GIB;

/** What SWE-bench Verified takes unpruned, 280 GB, by its 500 instances. */
const BYTES_PER_IMAGE = 0.56e9;

/** The disk of the engine's images. */
export interface ImageDisk {
  readonly folder: string;
  /** Undefined where this machine doesn't see the folder. */
  readonly freeBytes: number | undefined;
  /** Images of the dataset that are not here; undefined when that isn't known. */
  readonly missing: number | undefined;
}

/** Free space for images against what the missing ones take. */
export function judgeImageDisk({ folder, freeBytes, missing }: ImageDisk): Finding {
  const need = missing === undefined ? undefined : missing * BYTES_PER_IMAGE;
  const estimate = need === undefined ? '' : `; ${missing} images to come take about ${showBytes(need)}`;
  if (freeBytes === undefined)
    return skip(`${folder} of the engine is not on this machine, or not to be read${estimate}`);
  const found = `${showBytes(freeBytes)} free in ${folder}${estimate}`;
  const more =
    'free space (`assay images prune --keep 50GB`, `docker system prune`), or move "data-root" of /etc/docker/daemon.json to a larger disk.';
  if (need === 0) return ok(found);
  if (freeBytes < LEAST_IMAGE_DISK) return fail(`${found}: too little for any run`, `Do one of: ${more}`);
  if (need !== undefined && freeBytes < need)
    return warn(
      found,
      `Run with --max-disk ${Math.floor((0.8 * freeBytes) / GIB)}GB, which removes images as it goes; or ${more}`,
    );
  return ok(found);
}

/** A folder that we write to. */
export interface Folder {
  readonly path: string;
  /** Code of the error that writing a file there gave: `EACCES`. */
  readonly error?: string;
  readonly freeBytes: number;
}

const FOLDER_ERRORS: Readonly<Record<string, string>> = {
  EACCES: 'not to be written by this user',
  EPERM: 'not to be written by this user',
  EROFS: 'on a read-only file system',
  ENOSPC: 'on a full disk, or one without free inodes',
  EDQUOT: 'beyond the quota of this user',
  ENOTDIR: 'below something that is no folder',
};

/** Whether a folder takes files, and enough of them; `elsewhere` says how to choose another. */
export function judgeFolder(
  { path, error, freeBytes }: Folder,
  { needBytes, elsewhere }: { readonly needBytes: number; readonly elsewhere: string },
): Finding {
  if (error !== undefined) {
    const full = error === 'ENOSPC' || error === 'EDQUOT';
    return fail(
      `${path} is ${FOLDER_ERRORS[error] ?? `unusable: ${error}`}`,
      `${full ? 'Free space there' : 'Make it writable'}, or ${elsewhere}.`,
    );
  }
  const found = `${path}, ${showBytes(freeBytes)} free`;
  return freeBytes < needBytes
    ? warn(`${found}; ${showBytes(needBytes)} may be needed`, `Free space there, or ${elsewhere}.`)
    : ok(found);
}

export interface Memory {
  /** Of the engine's machine, and free here. */
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Bound of the control group that we run in. */
  readonly ownBytes: number | undefined;
  /** Patches run in our own control group. */
  readonly local: boolean;
}

/** `--memory` of a container. */
const CONTAINER_BYTES = 4 * GIB;
/** What assay itself needs for hundreds of instances, with room. */
const OWN_BYTES = GIB;

/** Memory against what one container may use. */
export function judgeMemory({ totalBytes, freeBytes, ownBytes, local }: Memory): Finding {
  const found = `${showBytes(freeBytes)} free of ${showBytes(totalBytes)}; a container may use ${showBytes(CONTAINER_BYTES)} (--memory)`;
  const least = local ? CONTAINER_BYTES : OWN_BYTES;
  if (ownBytes !== undefined && ownBytes < least) {
    const text = `this process may use ${showBytes(ownBytes)} only: the bound of its control group`;
    const fix = `Raise that bound to ${showBytes(least)} or more: \`docker run --memory\`, Slurm --mem, MemoryMax= of systemd, resources.limits.memory of Kubernetes.`;
    return ownBytes < OWN_BYTES ? fail(text, fix) : warn(text, `${fix} Or use --memory ${lower(ownBytes)}.`);
  }
  if (totalBytes < CONTAINER_BYTES)
    return fail(
      found,
      `Give the engine more (Docker Desktop: Settings > Resources > Memory), or use --memory ${lower(totalBytes)}: tests that need more end as out_of_memory.`,
    );
  return freeBytes < CONTAINER_BYTES
    ? warn(found, `End other programs, or use --memory ${lower(freeBytes)}.`)
    : ok(found);
}

const lower = (bytes: number) => `${Math.max(256, Math.floor((0.75 * bytes) / 2 ** 20))}m`;

/** How the default of `-j` comes about. */
export function judgeWorkers(facts: {
  readonly cpus: number;
  readonly freeBytes: number;
  readonly workers: number;
}): Finding {
  const { cpus, freeBytes, workers } = facts;
  return ok(
    `-j ${workers} by default: the smaller of 0.75 x ${cpus} cores and ${showBytes(freeBytes)} free / 4 GiB, at least 1`,
  );
}

/** `ulimit -n`; undefined where the system doesn't tell. */
export function judgeOpenFiles(limit: number | undefined): Finding {
  if (limit === undefined) return skip('this system does not tell');
  const found = `${limit} (ulimit -n)`;
  if (limit < 256) return fail(`${found}: a few containers at once use that up`, ERRORS.open_files_limit.fix);
  return limit < 1024 ? warn(`${found}: little for many workers`, ERRORS.open_files_limit.fix) : ok(found);
}

/** Bounds on the number of processes: of the user, and of the control group; undefined where there is none. */
export function judgeProcesses(limits: {
  readonly user: number | undefined;
  readonly group: number | undefined;
}): Finding {
  const least = Math.min(limits.user ?? Number.POSITIVE_INFINITY, limits.group ?? Number.POSITIVE_INFINITY);
  if (least === Number.POSITIVE_INFINITY) return ok('no bound');
  const which = least === limits.group ? 'pids.max of the control group' : 'ulimit -u';
  const found = `${least} (${which})`;
  return least < 512
    ? warn(
        `${found}: helpers and tests may fail to start`,
        'Raise it: `ulimit -u 4096`, TasksMax= of systemd, `docker run --pids-limit`.',
      )
    : ok(found);
}
