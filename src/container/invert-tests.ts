import type { Container } from '../engine/engine.js';
import { INVERT } from './inverter/index.js';
import { outputOf } from './output.js';

interface InvertOptions {
  readonly workdir: string;
  readonly testPatch: string;
  /** The commit that the eval script sets test files back to. */
  readonly base: string;
  /** Ids of the tests that get copies. */
  readonly wanted: readonly string[];
  /** Part of the names that come into the files. */
  readonly nonce: string;
  readonly signal: AbortSignal;
}

/** Whether the program can make anything of a file of this name. */
export const isInvertible = (path: string): boolean => /\.py$|\.[cm]?js$/.test(path);

const PROGRAM = '/tmp/invert.py';
const TEST_PATCH = '/tmp/test.diff';
/** Ids of tests before the program, paths of files after it. */
const WANTED = '/tmp/wanted';
const INVERTED = '/tmp/inverted.diff';

/** What is printed between the list of tests and the patch. */
const LINE = '---- patch ----';

/** Needs a Python of 3.9 or later, any that the image has: not the environment's own, which may be older. */
const SCRIPT = `exec 2>/dev/null
cd "$1" || exit 1
git apply ${TEST_PATCH} || exit 4
files() { git apply --numstat -z ${TEST_PATCH} | cut -z -f 3; }
for python in /usr/bin/python3 /opt/miniconda3/bin/python python3 ""; do
  files | xargs -0 "$python" -I -S ${PROGRAM} "$3" ${WANTED}
  # Too old (255 for xargs), or none.
  case $? in 0) break ;; 124 | 126 | 127) ;; *) exit 5 ;; esac
done
[ -n "$python" ] || exit 3
printf '\\n%s\\n' '${LINE}'
xargs -0 git add --force -- <${WANTED} || exit 6
xargs -0 git diff --cached --binary --no-renames --no-ext-diff --no-color "$2" -- <${WANTED} >${INVERTED} || exit 7
git reset -q --hard || exit 8
# As the official script will do it.
files | xargs -0 -n 1 git checkout -q "$2" --
git apply --check ${INVERTED} || exit 9
git reset -q --hard || exit 8
cat ${INVERTED}
# A user whom the image names may not.
rm -f ${PROGRAM} ${TEST_PATCH} ${INVERTED} ${WANTED} || true
`;

/**
 * Turns the tests of a test patch into their opposite, in a pristine container, which is left as it was: the lines that the program printed, one
 * for each inverted test, and a test patch that gives the inverted files. Undefined where that can't be done.
 */
export async function invertTests(
  container: Container,
  { workdir, testPatch, base, wanted, nonce, signal }: InvertOptions,
): Promise<{ readonly lines: readonly string[]; readonly testPatch: string } | undefined> {
  await container.put(
    [
      { path: PROGRAM, content: INVERT },
      { path: TEST_PATCH, content: testPatch },
      { path: WANTED, content: wanted.join('\n') },
    ],
    signal,
  );
  const argv = ['/bin/bash', '-c', SCRIPT, 'invert', workdir, base, nonce];
  const printed = await outputOf(container, { argv, workdir, signal });
  if (printed.exitCode !== 0) return undefined;
  const output = asText(printed.output);
  const at = output?.indexOf(`\n${LINE}\n`) ?? -1;
  if (output === undefined || at === -1) return undefined;
  const lines = output
    .slice(0, at)
    .split('\n')
    .filter((line) => line !== '');
  return lines.length === 0 ? undefined : { lines, testPatch: output.slice(at + LINE.length + 2) };
}

/** Undefined for what isn't UTF-8: old lines in another encoding would not match. */
function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
