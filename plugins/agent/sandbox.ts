import type { Clock, Container } from '../../src/index.js';
import { openSession, type Session } from './session.js';

/** Where an episode acts: a container of the instance, with a shell that keeps its state. */
export interface Sandbox {
  readonly session: Session;
  /** What changed in the tree since the episode began, new files included; null where git can't tell any more, or it is over {@link MOST_BYTES}. */
  diff(signal: AbortSignal): Promise<string | null>;
}

/** A larger patch is no answer: 10 MiB, as the service takes them. */
const MOST_BYTES = 10 * 2 ** 20;

interface SandboxOptions {
  readonly workdir: string;
  /** Shell lines that make the environment active. */
  readonly activation: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Settings of git that the episode made must not decide how its diff is written. */
const DIFF = `exec 2>/dev/null
git add --all --intent-to-add . || exit 1
git -c core.quotePath=true -c core.fsmonitor=false diff --binary --no-renames --no-ext-diff --no-textconv --no-color \
  --src-prefix=a/ --dst-prefix=b/ --ignore-submodules=all "$1" -- . || exit 1`;

/** Makes all files binary ones: text that isn't UTF-8 can't stand in a prediction. */
const AS_BINARY = "mkdir -p .git/info && echo '* -diff' >.git/info/attributes\n";

/** Opens the shell of an episode in a started container. */
export async function openSandbox(
  container: Container,
  { workdir, activation, clock, signal }: SandboxOptions,
): Promise<Sandbox> {
  const bash = async (script: string, bound: AbortSignal, ...args: string[]) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const { exitCode } = await container.exec({
      argv: ['/bin/bash', '-c', script, 'bash', ...args],
      workdir,
      signal: bound,
      onOutput(chunk) {
        size += chunk.length;
        if (size <= MOST_BYTES) chunks.push(chunk);
      },
    });
    return exitCode === 0 && size <= MOST_BYTES ? Buffer.concat(chunks) : undefined;
  };
  const base = (await bash('git rev-parse HEAD', signal))?.toString().trim();
  const session = await openSession(container, { workdir, activation, clock, signal });
  return {
    session,
    async diff(bound) {
      if (base === undefined) return null;
      for (const script of [DIFF, AS_BINARY + DIFF]) {
        const bytes = await bash(script, bound, base);
        if (bytes === undefined) return null;
        const text = asText(bytes);
        if (text !== undefined) return text;
      }
      return null;
    },
  };
}

function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
