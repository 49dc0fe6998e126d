import { type Host, realHost } from '../../src/cli/host.js';

/** A host of a test: it works in `cwd`, has no environment but the given one, and keeps what is printed. */
export function testHost(
  cwd: string,
  env: Host['env'] = {},
): Host & { readonly printed: string[]; readonly said: string[] } {
  const [printed, said]: [string[], string[]] = [[], []];
  return {
    ...realHost(),
    ...{ cwd, env, home: cwd, cacheDir: `${cwd}/cache`, isTerminal: false, printed, said },
    out: (text) => void printed.push(text),
    outFile: (text) => void printed.push(text),
    err: (text) => void said.push(text),
    command: (line) => void said.push(line),
  };
}
