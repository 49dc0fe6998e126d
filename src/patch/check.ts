/** One file that a patch touches. Paths as git names them, without `a/` and `b/`. */
export interface PatchFile {
  /** Absent for an added file. */
  readonly oldPath?: string;
  /** Absent for a deleted file. */
  readonly newPath?: string;
  readonly change: 'modified' | 'added' | 'deleted' | 'renamed' | 'copied';
  readonly modeChanged: boolean;
  readonly binary: boolean;
  readonly hunks: number;
  /** Git's mode of an added file or of one whose mode changes, e.g. `100644`. */
  readonly mode?: string;
  /** The lines that its hunks add, without the `+`. */
  readonly added: readonly string[];
}

/** What the text of a patch shows without applying it. */
export interface PatchCheck {
  readonly files: readonly PatchFile[];
  /** Things that a reader of a verdict should know, as `code: words`. Nothing is changed because of them. */
  readonly notes: readonly string[];
  /** Set when the official chain certainly never applies this text. */
  readonly defect?: string;
}

/** Cheap look at a patch by its headers. Never throws; time is linear in the text. */
export function checkPatch(text: string | null): PatchCheck {
  if (text === null || text === '') return { files: [], notes: [], defect: 'empty patch' };
  const files = patchFiles(text);
  return {
    files,
    notes: notesOn(text, files),
    ...(!/\p{Surrogate}/u.test(text)
      ? {}
      : {
          defect:
            'holds half of a surrogate pair, which no UTF-8 file can (the official harness fails to write it)',
        }),
  };
}

function notesOn(text: string, files: readonly PatchFile[]): string[] {
  if (text.trim() === '') return ['whitespace_only: no command applies it'];
  const notes: string[] = [];
  if (files.length === 0) notes.push('no_diff: no file header was found');
  if (/^(```|~~~)/m.test(text))
    notes.push('fenced: a code fence was left as it is; git ignores lines around a diff');
  if (!text.endsWith('\n'))
    notes.push(
      'no_final_newline: git apply calls it corrupt where the last line belongs to a hunk; patch takes it',
    );
  if (text.includes('\r\n')) notes.push('crlf: holds CRLF line ends');
  if (text.includes('\0')) notes.push('nul_bytes: holds NUL bytes');
  return notes;
}

interface Draft {
  oldPath: string | undefined;
  newPath: string | undefined;
  change: PatchFile['change'];
  modeChanged: boolean;
  binary: boolean;
  hunks: number;
  mode: string | undefined;
  added: string[];
}

/** Two quoted paths of 4,096 bytes each fit; a longer line is no header. */
const MAX_HEADER = 40_000;
/** First letters of the lines that matter outside hunks. */
const HEADER_STARTS = new Set('d-+@norcGB');

function patchFiles(text: string): PatchFile[] {
  const files: Draft[] = [];
  let file: Draft | undefined;
  let left = { old: 0, new: 0 };
  // git reads `+++` right behind `---` alone, and the words of a header in front of its hunks.
  let isBehindOld = false;
  const open = (draft: Partial<Draft>) => {
    file = {
      oldPath: undefined,
      newPath: undefined,
      change: 'modified',
      modeChanged: false,
      binary: false,
      hunks: 0,
      mode: undefined,
      added: [],
      ...draft,
    };
    files.push(file);
  };
  for (const line of lines(text)) {
    if (left.old > 0 || left.new > 0) {
      const next = insideHunk(line, left);
      if (next !== undefined) {
        left = next;
        if (line.startsWith('+')) file?.added.push(line.slice(1));
        continue;
      }
      left = { old: 0, new: 0 };
    }
    const mayBeNew = isBehindOld;
    isBehindOld = line.startsWith('--- ');
    if (line.length > MAX_HEADER || !HEADER_STARTS.has(line[0] ?? '')) continue;
    if (line.startsWith('diff --git ')) open(gitHeader(line.slice(11)));
    else if (line.startsWith('--- ')) {
      const oldPath = headerPath(line.slice(4));
      if (file === undefined || file.hunks > 0) open({});
      if (file !== undefined) {
        if (oldPath === undefined) file.change = 'added';
        file.oldPath = oldPath;
      }
    } else if (file !== undefined) {
      if (mayBeNew && line.startsWith('+++ ')) {
        file.newPath = headerPath(line.slice(4));
        if (file.newPath === undefined) file.change = 'deleted';
      } else if (file.hunks === 0 || line.startsWith('@@ ')) left = extendedHeader(line, file) ?? left;
    }
  }
  return files.filter((draft) => draft.oldPath !== undefined || draft.newPath !== undefined).map(finished);
}

/** Lines without their ends, one at a time. */
function* lines(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    const stop = end === -1 ? text.length : end;
    yield text.slice(start, text[stop - 1] === '\r' ? stop - 1 : stop);
    start = stop + 1;
  }
}

function insideHunk(
  line: string,
  left: { old: number; new: number },
): { old: number; new: number } | undefined {
  switch (line[0]) {
    case ' ':
    case undefined:
      return { old: left.old - 1, new: left.new - 1 };
    case '-':
      return { old: left.old - 1, new: left.new };
    case '+':
      return { old: left.old, new: left.new - 1 };
    case '\\':
      return left;
    default:
      return undefined;
  }
}

/** Fills in what a header line says; returns the hunk's line counts for a `@@` line. */
function extendedHeader(line: string, file: Draft): { old: number; new: number } | undefined {
  const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
  if (hunk !== null) {
    file.hunks++;
    return { old: Number(hunk[1] ?? 1), new: Number(hunk[2] ?? 1) };
  }
  const words =
    /^(new file mode|deleted file mode|old mode|new mode|rename from|rename to|copy from|copy to|GIT binary patch|Binary files) ?(.*)$/.exec(
      line,
    );
  const rest = words?.[2] ?? '';
  switch (words?.[1]) {
    case 'new file mode':
      file.change = 'added';
      file.mode = rest;
      break;
    case 'new mode':
      file.mode = rest;
      break;
    case 'deleted file mode':
      file.change = 'deleted';
      break;
    case 'old mode':
      file.modeChanged = true;
      break;
    case 'rename from':
    case 'copy from':
      file.change = line.startsWith('rename') ? 'renamed' : 'copied';
      file.oldPath = unquoted(rest);
      break;
    case 'rename to':
    case 'copy to':
      file.newPath = unquoted(rest);
      break;
    case 'GIT binary patch':
    case 'Binary files':
      file.binary = true;
      break;
  }
  return undefined;
}

function finished({ oldPath, newPath, mode, ...rest }: Draft): PatchFile {
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(rest.change === 'added' || oldPath === undefined ? {} : { oldPath }),
    ...(rest.change === 'deleted' || newPath === undefined ? {} : { newPath }),
    ...rest,
  };
}

/** `a/x b/x`, or quoted: only where both halves agree can they be told apart, as in git itself. */
function gitHeader(rest: string): Partial<Draft> {
  const quoted = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)$/.exec(rest);
  if (quoted !== null)
    return {
      oldPath: withoutPrefix(unquoted(quoted[1] ?? '')),
      newPath: withoutPrefix(unquoted(quoted[2] ?? '')),
    };
  const half = (rest.length - 1) / 2;
  const [left, right] = [rest.slice(0, half), rest.slice(half + 1)];
  if (Number.isInteger(half) && withoutPrefix(left) === withoutPrefix(right))
    return { oldPath: withoutPrefix(left), newPath: withoutPrefix(left) };
  return {};
}

/** The path of a `---` or `+++` line: undefined for /dev/null; a tab starts a time stamp. */
function headerPath(rest: string): string | undefined {
  const path = rest.startsWith('"') ? unquoted(rest) : (rest.split('\t')[0] ?? '');
  return path === '/dev/null' ? undefined : withoutPrefix(path);
}

function withoutPrefix(path: string): string {
  return path.replace(/^[^/]*\//, '');
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** Undoes git's quoting, `"b/\303\244.txt"`: bytes as octal, control characters as in C. */
function unquoted(text: string): string {
  const inner = /^"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  if (inner === undefined) return text;
  const bytes: Uint8Array[] = [];
  for (const [, octal, char, plain] of inner.matchAll(/\\([0-7]{1,3})|\\(.)|([^\\]+)/g)) {
    if (octal !== undefined) bytes.push(Uint8Array.of(Number.parseInt(octal, 8) & 255));
    else if (char !== undefined && char in ESCAPES) bytes.push(Uint8Array.of(ESCAPES[char] ?? 0));
    else bytes.push(Buffer.from(char ?? plain ?? ''));
  }
  return Buffer.concat(bytes).toString('utf8');
}
