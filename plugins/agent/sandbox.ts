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
  /** Of the sandbox as long as it lives. */
  readonly signal: AbortSignal;
  /** Of its start alone. */
  readonly starting?: AbortSignal;
}

/**
 * Settings of git that the episode made must not decide how its diff is written. Nor must its index, which a killed git leaves locked: all that is
 * taken from it are files that are there although they are ignored.
 */
const DIFF = `exec 2>/dev/null
own=$(git rev-parse --absolute-git-dir)/assay-index-$$ || exit 1
git() {
  command git -c core.quotePath=true -c core.fsmonitor=false -c core.autocrlf=false -c core.safecrlf=false -c core.attributesFile=/dev/null "$@"
}
GIT_INDEX_FILE=$own git read-tree "$1" && GIT_INDEX_FILE=$own git add --all --intent-to-add . || exit 1
git ls-files -z --cached --ignored --exclude-standard | while IFS= read -r -d '' path; do
  [ ! -f "$path" ] || GIT_LITERAL_PATHSPECS=1 GIT_INDEX_FILE=$own git add --force --intent-to-add -- "$path"
done
GIT_INDEX_FILE=$own git diff --binary --no-renames --no-ext-diff --no-textconv --no-color --no-relative --unified=3 --inter-hunk-context=0 \
  -O/dev/null --src-prefix=a/ --dst-prefix=b/ --ignore-submodules=all "$1" -- . || exit 1`;

/** Makes all files binary ones: text that isn't UTF-8 can't stand in a prediction. */
const AS_BINARY = "mkdir -p .git/info && echo '* -diff' >.git/info/attributes\n";

/** Opens the shell of an episode in a started container. */
export async function openSandbox(
  container: Container,
  { workdir, activation, clock, signal, starting = signal }: SandboxOptions,
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
  const base = (await bash('git rev-parse HEAD', starting))?.toString().trim();
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
