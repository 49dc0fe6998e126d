import type { Container } from '../../src/index.js';

/** A larger patch is no answer: 10 MiB, as the service takes them. */
const MOST_BYTES = 10 * 2 ** 20;
/** Arguments of a command may be no longer than some 100 KiB. */
const MOST_PATTERNS = 30_000;

/** A repository of another user is ours to read, too, and no settings of the user count. Older versions of git know no other way than a file. */
const OWN_SETTINGS = `exec 2>/dev/null
export HOME=$(mktemp -d) XDG_CONFIG_HOME=
trap 'rm -rf "$HOME"' EXIT
printf '[safe]\\n\\tdirectory = *\\n\\tdirectory = "%s"\\n' "$PWD" >"$HOME/.gitconfig"
`;

/**
 * Settings of git that the episode made must not decide how its diff is written. Nor must its index, which a killed git leaves locked: all that is
 * taken from it are files that are there although they are ignored.
 */
const DIFF = `own=$(git rev-parse --absolute-git-dir)/assay-index-$$ || exit 1
base=$1
shift
[ $# = 0 ] || { mkdir -p .git/info && printf '%s -diff\\n' "$@" >.git/info/attributes; }
git() {
  command git -c core.quotePath=true -c core.fsmonitor=false -c core.autocrlf=false -c core.safecrlf=false -c core.attributesFile=/dev/null "$@"
}
GIT_INDEX_FILE=$own git read-tree "$base" && GIT_INDEX_FILE=$own git add --all --intent-to-add . || exit 1
git ls-files -z --cached --ignored --exclude-standard | while IFS= read -r -d '' path; do
  [ ! -f "$path" ] || GIT_LITERAL_PATHSPECS=1 GIT_INDEX_FILE=$own git add --force --intent-to-add -- "$path"
done
GIT_INDEX_FILE=$own git diff --binary --no-renames --no-ext-diff --no-textconv --no-color --no-relative --unified=3 --inter-hunk-context=0 \
  -O/dev/null --src-prefix=a/ --dst-prefix=b/ --ignore-submodules=all "$base" -- . || exit 1`;

/** The commit that a tree is at; undefined where git can't tell. */
export async function headOf(place: Place, signal: AbortSignal): Promise<string | undefined> {
  return (await run(place, { script: 'git rev-parse HEAD', signal }))?.toString().trim();
}

/** What changed in the tree since a commit, new files included; null where git can't tell, or it is over {@link MOST_BYTES}. */
export async function diffSince(base: string, place: Place, signal: AbortSignal): Promise<string | null> {
  let patterns: readonly string[] = [];
  for (;;) {
    const bytes = await run(place, { script: DIFF, args: [base, ...patterns], signal });
    if (bytes === undefined) return null;
    const text = asText(bytes);
    if (text !== undefined) return text;
    // Text that isn't UTF-8 can't stand in a prediction: these files are shown as binary ones, and if that is not enough, all are.
    if (patterns.includes('*')) return null;
    const found = patterns.length > 0 ? [] : patternsOf(bytes);
    const length = found.reduce((sum, pattern) => sum + pattern.length, 0);
    patterns = length === 0 || length > MOST_PATTERNS ? ['*'] : found;
  }
}

interface Place {
  readonly container: Pick<Container, 'exec'>;
  readonly workdir: string;
}

interface Script {
  readonly script: string;
  readonly args?: readonly string[];
  readonly signal: AbortSignal;
}

/** The output of a script that succeeds and prints no more than may be. */
async function run(
  { container, workdir }: Place,
  { script, args = [], signal }: Script,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const { exitCode } = await container.exec({
    argv: ['/bin/bash', '-c', OWN_SETTINGS + script, 'bash', ...args],
    workdir,
    signal,
    onOutput(chunk) {
      size += chunk.length;
      if (size <= MOST_BYTES) chunks.push(chunk);
    },
  });
  return exitCode === 0 && size <= MOST_BYTES ? Buffer.concat(chunks) : undefined;
}

/** Patterns of a file of attributes for the files of a diff that are not UTF-8. */
function patternsOf(diff: Buffer): readonly string[] {
  // Of a file's own lines none begins with a letter.
  const files = diff
    .toString('latin1')
    .split(/^diff --git /m)
    .slice(1);
  return files.flatMap((file) => {
    if (asText(Buffer.from(file, 'latin1')) !== undefined) return [];
    const header = file.slice(0, file.indexOf('\n'));
    // `a/NAME b/NAME`: nothing is renamed. A name in quotes has its special characters escaped as a pattern in quotes has them.
    const name = header
      .slice(0, (header.length - 1) / 2)
      .replace(/^"?a\//, '')
      .replace(/"$/, '');
    return [`"/${name.replace(/\\\\/g, '\\\\\\\\').replace(/[*?[]/g, '\\\\$&')}"`];
  });
}

function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
