import type { Container, ContainerEngine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { ENVIRONMENT } from './shim.js';

/** Where the check keeps its files in the container. */
const DIR = '/tmp/assay-check';
/** Shorter lines stand in many files by chance. */
const SHORTEST = 31;
/** Of each kind of finding, so many are named. */
const SHOWN = 5;

export interface DeepCheckOptions {
  readonly containers: ContainerEngine;
  readonly image: string;
  /** Absolute path of the tree in the image. */
  readonly workdir: string;
  /** The commit that the tree is to be of; undefined when that isn't known. */
  readonly commit?: string;
  /** Byte code is a fault: our images have none, the published ones have. */
  readonly byteCode: boolean;
  /** Patches of which nothing may be in the image. */
  readonly patches: readonly string[];
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Looks inside an image, in a container without a network, for what tells of tomorrow or of the answer; returns what it found, in
 * sentences. Rejects with `engine_failed` when the image can't be looked into.
 */
export async function checkInside(options: DeepCheckOptions): Promise<readonly string[]> {
  const { containers, image, name, labels, signal, workdir, patches } = options;
  const limits = { memoryBytes: 0, cpus: 0, pids: 0, network: false, capAdd: [] };
  const container = await containers.start({ image, name, labels, limits, asRoot: true }, signal);
  const run = (script: string) => runScript({ container, script, workdir, image, signal });
  const put = (file: string, lines: readonly string[]) =>
    container.put([{ path: `${DIR}/${file}`, content: lines.map((line) => `${line}\n`).join('') }], signal);
  try {
    const lines = addedLines(patches);
    await put('lines', lines);
    const facts = sections(await run(FACTS));
    const findings = findingsOf(facts, options);
    const old = facts.get('old') ?? [];
    const secret = lines.filter((line) => !old.some((text) => text.includes(line)));
    if (secret.length === 0) return findings;
    await put('secret', secret);
    const leaks = sections(await run(LEAKS));
    return [...findings, ...leaksOf(leaks)];
  } finally {
    await container.destroy();
  }
}

/** Lines that patches add, trimmed, of more than 30 characters. */
export function addedLines(patches: readonly string[]): readonly string[] {
  const added = patches
    .flatMap((patch) => patch.split(/\r?\n/))
    .filter((line) => line.startsWith('+') && !line.startsWith('+++ '))
    .map((line) => line.slice(1).trim())
    .filter((line) => line.length >= SHORTEST);
  return [...new Set(added)];
}

const PRELUDE = `set -euo pipefail
export LC_ALL=C GIT_OPTIONAL_LOCKS=0
g() { git -c safe.directory='*' -c core.quotePath=false "$@"; }
cd ${DIR}
tree=$OLDPWD
all() { g -C "$tree" cat-file --batch-all-objects --unordered --batch-check='%(objectname)' | sort -u; }
reached() { g -C "$tree" rev-list --objects "$@" | cut -d' ' -f1 | sort -u; }
`;

/** What git and the file system tell; each section starts with a line `@@name`. */
const FACTS = `${PRELUDE}
all >all
reached HEAD >past
reached --all >named
comm -23 all past >beyond
limit=$(g -C "$tree" show -s --format=%ct HEAD~1)
echo @@base; g -C "$tree" rev-parse HEAD~1
echo @@newer
g -C "$tree" cat-file --batch-check='%(objecttype) %(objectname)' <beyond | sed -n 's/^commit //p' >commits
if [ -s commits ]; then g -C "$tree" log --no-walk --stdin --format='%ct %H %s' <commits | awk -v limit="$limit" '$1 > limit'; fi
g -C "$tree" for-each-ref --format='%(creatordate:unix) %(refname)' | awk -v limit="$limit" '$1 > limit'
echo @@remotes; g -C "$tree" config --get-regexp '^(remote|branch)[.]' || true
echo @@reflogs; find "$(g -C "$tree" rev-parse --absolute-git-dir)/logs" -type f -size +0 2>/dev/null || true
echo @@unreachable; g -C "$tree" fsck --unreachable --no-reflogs --connectivity-only --no-progress 2>&1 | grep -v '^notice:' || true
echo @@unnamed; comm -23 all named
echo @@changed; g -C "$tree" status --porcelain --untracked-files=no
echo @@bytecode
g -C "$tree" ls-files '*.pyc' | sed "s|^|$tree/|" | sort >tracked
find "$tree" ${ENVIRONMENT} -name '*.pyc' -type f 2>/dev/null | sort | comm -23 - tracked || true
echo @@old
if [ -s lines ]; then g -C "$tree" grep -ohIF -f "$PWD/lines" HEAD~1 -- | sort -u || true; fi
`;

/** Where lines of the answer stand, in files and in what git has beyond the base commit. */
const LEAKS = `${PRELUDE}
echo @@files
grep -rlsF --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev --exclude-dir=${DIR.split('/').at(-1)} -f secret / || true
echo @@objects
reached HEAD~1 >base
for object in $(comm -23 all base); do
  if g -C "$tree" cat-file -p "$object" | grep -qaF -f secret; then echo "$object"; fi
done
`;

interface ScriptRun {
  readonly container: Container;
  readonly script: string;
  readonly workdir: string;
  readonly image: string;
  readonly signal: AbortSignal;
}

async function runScript({ container, script, workdir, image, signal }: ScriptRun): Promise<string> {
  const chunks: Uint8Array[] = [];
  const { exitCode } = await container.exec({
    argv: ['bash', '-c', script],
    workdir,
    signal,
    onOutput: (chunk) => void chunks.push(chunk),
  });
  const output = Buffer.concat(chunks).toString();
  if (exitCode === 0) return output;
  throw new AssayError('engine_failed', `${image}: looking inside ended with code ${exitCode}`, {
    detail: output.slice(-2000),
  });
}

/** Lines of a script's output by the `@@name` that they stand under. */
function sections(output: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of output.split('\n')) {
    if (line.startsWith('@@')) {
      current = [];
      found.set(line.slice(2), current);
    } else if (line !== '') current.push(line);
  }
  return found;
}

const MEANING: Readonly<Record<string, string>> = {
  newer: 'git knows what is newer than the base commit',
  remotes: 'git has a remote',
  reflogs: 'git has a reflog',
  unreachable: 'git has unreachable objects',
  unnamed: 'git has objects that no branch or tag leads to',
  changed: 'the tree is not clean',
  bytecode: 'there is byte code',
};

function findingsOf(
  facts: ReadonlyMap<string, readonly string[]>,
  { commit, byteCode }: Pick<DeepCheckOptions, 'commit' | 'byteCode'>,
): readonly string[] {
  const [base] = facts.get('base') ?? [];
  const wrongBase = commit !== undefined && base !== commit ? [`HEAD~1 is ${base}, not ${commit}`] : [];
  const others = Object.entries(MEANING)
    .filter(([name]) => byteCode || name !== 'bytecode')
    .flatMap(([name, meaning]) => finding(meaning, facts.get(name)));
  return [...wrongBase, ...others];
}

function leaksOf(leaks: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [
    ...finding('lines of the patch or the tests are in files', leaks.get('files')),
    ...finding('lines of the patch or the tests are in git objects', leaks.get('objects')),
  ];
}

function finding(meaning: string, lines: readonly string[] = []): readonly string[] {
  if (lines.length === 0) return [];
  const more = lines.length > SHOWN ? ` and ${lines.length - SHOWN} more` : '';
  return [`${meaning}: ${lines.slice(0, SHOWN).join(', ')}${more}`];
}
