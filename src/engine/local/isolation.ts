import { lstat, mkdir, mkdtemp, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.js';
import { HOME, OUTPUT, TMP } from './paths.js';
import { MARKER_VARIABLE } from './processes.js';
import { SYSTEM_FOLDERS, type Tools, which } from './tools.js';

/** What separates a sandbox from this machine; `docs/local-engine.md` has the table. */
export type IsolationKind = 'bubblewrap' | 'namespaces' | 'none';

/** Where one command runs. */
export interface Place {
  /** Host folder that holds the tree, `/tmp` and `/home/assay` of the sandbox, each at its own path. */
  readonly root: string;
  /** The image's workdir, as seen inside. */
  readonly workdir: string;
  /** Working directory, as seen inside. */
  readonly cwd: string;
  /** Single files to show besides those folders. */
  readonly files: readonly string[];
  readonly network: boolean;
  /** Host path of the pipe for output, shown as {@link OUTPUT}. */
  readonly output?: string;
}

export interface Isolation {
  readonly kind: IsolationKind;
  /** For people. */
  readonly words: string;
  /** File system closed, network cut, processes apart. */
  readonly isolated: boolean;
  /** Absolute paths inside are what they say; otherwise `mapPaths` applies. */
  readonly ownPaths: boolean;
  /** The command line that runs `inner` at a place. */
  readonly wrap: (place: Place, inner: readonly string[]) => readonly string[];
}

interface ChoiceOptions {
  readonly wanted: 'auto' | IsolationKind;
  readonly bwrapPath?: string;
  readonly tools: Tools;
  /** Folder for a first try and for the sandbox's `passwd`, `group` and `hosts`. */
  readonly folder: string;
}

/** Single parts of `/etc` that programs need; the rest of it stays unseen. */
const ETC = [
  'alternatives',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'mime.types',
  'protocols',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
  'pki/tls/certs',
  'pki/ca-trust',
  'ca-certificates',
];
/**
 * What of `/proc` changes the machine. Where root started bubblewrap, the sandbox's user owns it, and needs no capability to write to it; bubblewrap itself covers it
 * for others only.
 */
const KERNEL_FILES = ['sys', 'sysrq-trigger', 'irq', 'bus', 'fs', 'scsi', 'acpi', 'mtrr'].map(
  (name) => `/proc/${name}`,
);
const UID = '1000';
/** Contents of the sandbox's own files in `/etc`. */
export const OWN_ETC: Readonly<Record<string, string>> = {
  passwd: `root:x:0:0:root:/root:/bin/bash\nassay:x:${UID}:${UID}:assay:${HOME}:/bin/bash\n`,
  group: `root:x:0:\nassay:x:${UID}:\n`,
  hosts: '127.0.0.1 localhost\n::1 localhost\n',
};
const TRY_MS = 10_000;

/** The strongest isolation that truly works here, found by running it once; `wanted` other than `auto` is taken or refused. */
export async function chooseIsolation(options: ChoiceOptions): Promise<Isolation> {
  const { wanted, tools } = options;
  const refusals: string[] = [];
  if (process.platform === 'linux') {
    const bwrap = options.bwrapPath ?? (await which('bwrap', tools.path));
    const unshare = await which('unshare', tools.path);
    const candidates = [
      { kind: 'bubblewrap', file: bwrap, make: bubblewrap },
      { kind: 'namespaces', file: unshare, make: namespaces },
    ] as const;
    for (const { kind, file, make } of candidates) {
      if (wanted !== 'auto' && wanted !== kind) continue;
      if (file === undefined) refusals.push(`${kind}: not installed`);
      else {
        const isolation = await make(file, options);
        const failure = await tryOut(isolation, options);
        if (failure === undefined) return isolation;
        refusals.push(`${kind}: ${failure}`);
      }
    }
  } else refusals.push(`${process.platform} has neither bubblewrap nor namespaces`);
  if (wanted !== 'auto' && wanted !== 'none') throw new Error(refusals.join('; '));
  return processGroup(wanted === 'none' ? 'as asked' : refusals.join('; '));
}

async function bubblewrap(file: string, { tools, folder }: ChoiceOptions): Promise<Isolation> {
  const etc = join(folder, 'etc');
  const system = (await Promise.all(SYSTEM_FOLDERS.map(showSystemFolder))).flat();
  const base = [
    ...['--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try'],
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--uid', UID, '--gid', UID],
    ...[
      '--unsetenv',
      MARKER_VARIABLE,
      '--hostname',
      'assay',
      '--proc',
      '/proc',
      ...KERNEL_FILES.flatMap((path) => ['--ro-bind-try', path, path]),
      '--dev',
      '/dev',
      '--symlink',
      TMP,
      '/var/tmp',
      '--dir',
      '/run',
    ],
    ...system,
    ...ETC.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    ...['passwd', 'group'].flatMap((name) => ['--ro-bind', join(etc, name), `/etc/${name}`]),
    ...tools.prefixes.flatMap((prefix) => ['--ro-bind', prefix, prefix]),
  ];
  const cut = ['--unshare-net', '--ro-bind', join(etc, 'hosts'), '/etc/hosts'];
  const open = ['resolv.conf', 'hosts'].flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]);
  return {
    kind: 'bubblewrap',
    words: 'bubblewrap: own file system, no network, own processes',
    isolated: true,
    ownPaths: true,
    wrap: ({ root, workdir, cwd, files, network, output }, inner) => [
      file,
      ...base,
      ...(network ? open : cut),
      ...(output === undefined ? [] : ['--bind', output, OUTPUT]),
      ...[TMP, HOME, workdir].flatMap((path) => ['--bind', join(root, path), path]),
      ...files.flatMap((path) => ['--ro-bind', join(root, path), path]),
      ...['--remount-ro', '/', '--chdir', cwd, '--', ...inner],
    ],
  };
}

/** `/bin -> usr/bin` stays a link; a real folder is shown read-only. */
async function showSystemFolder(path: string): Promise<readonly string[]> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return [];
  return found.isSymbolicLink() ? ['--symlink', await readlink(path), path] : ['--ro-bind', path, path];
}

async function namespaces(file: string): Promise<Isolation> {
  const flags = [
    '--user',
    '--map-root-user',
    '--ipc',
    '--uts',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  // A new network has no loopback until someone raises it.
  const raise = ['bash', '-c', 'ip link set lo up 2>/dev/null; exec "$@"', 'raise'];
  return {
    kind: 'namespaces',
    words: 'namespaces: no network, own processes; files of this machine are in reach',
    isolated: false,
    ownPaths: false,
    wrap: ({ network }, inner) => [file, ...flags, ...(network ? [] : ['--net', ...raise]), ...inner],
  };
}

function processGroup(why: string): Isolation {
  return {
    kind: 'none',
    words: `process group only: files and network are in reach (${why})`,
    isolated: false,
    ownPaths: false,
    wrap: (_place, inner) => inner,
  };
}

/** Runs every tool once inside; undefined when all is well, else what failed. */
async function tryOut(isolation: Isolation, { tools, folder }: ChoiceOptions): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  const root = await mkdtemp(join(folder, 'try-'));
  const workdir = '/testbed';
  try {
    for (const path of [TMP, HOME, workdir]) await mkdir(join(root, path), { recursive: true });
    const place = { root, workdir, cwd: workdir, files: [], network: false };
    const script = tools.names.map((name) => `${name} --version >/dev/null`).join(' && ');
    const argv = isolation.wrap(place, [tools.bash, '-c', script]);
    await command({ argv, cwd: root, env: { PATH: tools.path, HOME }, timeout: TRY_MS });
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
