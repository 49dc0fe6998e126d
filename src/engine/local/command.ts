import { execFile } from 'node:child_process';

const MAX_OUTPUT = 64 * 1024 * 1024;

interface CommandOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Runs a helper program with exactly this environment and gives its trimmed output; rejects with its error text. */
export function command({ argv, env, cwd = '/', signal, timeout = 0 }: CommandOptions): Promise<string> {
  const [file = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const options = { env, cwd, signal, timeout, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT } as const;
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(`${file}: ${stderr.trim() || error.message}`, { cause: error }));
    });
  });
}
