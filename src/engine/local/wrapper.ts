/** Bounds of every process of a sandbox, next to the deadline, which is the real one. */
const CPU_SECONDS = 4 * 3600;
const FILE_BYTES = 8 * 1024 ** 3;

interface WrapperOptions {
  readonly bash: string;
  readonly marker: string;
  /** Named pipe for the output, as seen inside. */
  readonly output: string;
  /** Data segment of each process; absent where a control group bounds the memory of all together. */
  readonly dataBytes?: number;
  /** Processes and threads of the user; absent where a control group counts those of the sandbox. */
  readonly processes?: number;
  /** How many descriptors from 4 on are control groups to join. */
  readonly groups: number;
  /** The descriptor after those is the stdin of the command; otherwise it has none. */
  readonly hasStdin: boolean;
  /** Kill the process group when our stdin closes before the command has ended: whoever started us is gone. */
  readonly leash: boolean;
  readonly argv: readonly string[];
}

/**
 * The command line that runs `argv` inside: stdout and stderr both go to the pipe `output`, so that they keep their order; the
 * wrapper opens it itself, because bubblewrap's own processes would keep an inherited one open. On descriptor 2 it tells us `s` when
 * the sandbox stands and `e` when the command has ended (before `s`: why not); it then waits until its stdin closes, so that processes
 * that still write get a moment, and exits with the command's code (128 + n for signal n).
 */
export function wrapperArgv(options: WrapperOptions): readonly string[] {
  const { bash, marker, output, dataBytes, processes, groups, hasStdin, leash, argv } = options;
  const limits = [
    'ulimit -c 0',
    `ulimit -t ${CPU_SECONDS}`,
    `ulimit -f ${FILE_BYTES / 1024}`,
    ...(dataBytes === undefined ? [] : [`ulimit -d ${Math.ceil(dataBytes / 1024)}`]),
    ...(processes === undefined ? [] : [`ulimit -u ${processes}`]),
  ];
  const groupFds = Array.from({ length: groups }, (_, index) => index + 4);
  const stdinFd = groups + 4;
  const input = hasStdin ? `<&${stdinFd} ${stdinFd}<&-` : '</dev/null';
  const script = [
    'unset SHLVL OLDPWD; umask 022',
    // Our own stderr is closed to what bash says of killed children: it would end up in the command's output.
    'exec 3>&2 9<&0 >"$1" && shift && exec 2>/dev/null || exit',
    ...(leash ? ['( read -r; kill -9 0 ) <&9 >/dev/null 3>&- & leash=$!'] : []),
    '( exec 2>&3',
    ...groupFds.map((fd) => `echo 0 >&${fd} || exit`),
    `{ ${limits.join('; ')}; } 2>/dev/null`,
    'printf s >&3',
    `exec 2>&1 3>&- 9<&- ${groupFds.map((fd) => `${fd}>&-`).join(' ')} ${input}`,
    'exec -- "$@" )',
    'code=$?',
    ...(leash ? ['kill -9 $leash'] : []),
    'exec >&-',
    'printf e >&3',
    'read -r -t 10',
    'exit $code',
  ].join('\n');
  return [bash, '--norc', '--noprofile', '-c', script, marker, output, ...argv];
}
