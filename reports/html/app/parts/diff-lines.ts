/** A line of a hunk: its sign, its text without it, and its numbers in the old and the new file. */
export interface DiffLine {
  readonly sign: ' ' | '+' | '-' | '\\';
  readonly text: string;
  readonly old?: number;
  readonly new?: number;
}

export interface DiffHunk {
  /** The whole `@@` line. */
  readonly head: string;
  readonly lines: readonly DiffLine[];
}

/** One file of a unified diff. */
export interface DiffFile {
  /** As the patch calls it, without `a/` and `b/`; that of the old file where it is deleted. */
  readonly path: string;
  /** `renamed from a.py`, `new file mode 100644`, ... */
  readonly notes: readonly string[];
  readonly hunks: readonly DiffHunk[];
  readonly added: number;
  readonly removed: number;
}

interface Draft {
  old?: string;
  new?: string;
  notes: string[];
  hunks: { head: string; lines: DiffLine[] }[];
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/** What git says of a file between `diff --git` and its hunks, for readers. */
const NOTES =
  /^(?:old mode|new mode|new file mode|deleted file mode|similarity index|rename from|rename to|copy from|copy to|Binary files|GIT binary patch)/;

/** How `git format-patch` ends a patch. */
const SIGNATURE = '-- ';

/**
 * The files of a unified diff, for the eye: words around them are left out, as git leaves them out. Undefined where the text can't be shown
 * so without hiding a part of it: no file, one file twice, a hunk without a file, or one that is shorter or longer than its head says.
 */
export function parseDiff(text: string): readonly DiffFile[] | undefined {
  const files: Draft[] = [];
  let file: Draft | undefined;
  let left = { old: 0, new: 0 };
  let at = { old: 0, new: 0 };
  const open = (): Draft => {
    file = { notes: [], hunks: [] };
    files.push(file);
    return file;
  };
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    const hunk = file?.hunks.at(-1);
    const sign = line[0] ?? ' ';
    if (hunk !== undefined && (left.old > 0 || left.new > 0)) {
      if (sign !== ' ' && sign !== '+' && sign !== '-' && sign !== '\\') return undefined;
      const isOld = sign === ' ' || sign === '-';
      const isNew = sign === ' ' || sign === '+';
      hunk.lines.push({
        ...{ sign, text: line.slice(1) },
        ...(isOld ? { old: at.old } : {}),
        ...(isNew ? { new: at.new } : {}),
      });
      left = { old: left.old - Number(isOld), new: left.new - Number(isNew) };
      at = { old: at.old + Number(isOld), new: at.new + Number(isNew) };
      if (left.old < 0 || left.new < 0) return undefined;
    } else if (sign === '\\' && hunk !== undefined) {
      hunk.lines.push({ sign, text: line.slice(1) });
    } else if (line.startsWith('diff --git ')) {
      Object.assign(open(), gitPaths(line.slice(11)));
    } else if (line.startsWith('--- ')) {
      if (file === undefined || file.hunks.length > 0) open();
      if (file !== undefined) file.old = pathOf(line.slice(4));
    } else if (line.startsWith('+++ ') && file !== undefined && file.hunks.length === 0) {
      file.new = pathOf(line.slice(4));
    } else {
      const head = HUNK.exec(line);
      if (head !== null) {
        if (file === undefined) return undefined;
        file.hunks.push({ head: line, lines: [] });
        left = { old: Number(head[2] ?? 1), new: Number(head[4] ?? 1) };
        at = { old: Number(head[1]), new: Number(head[3]) };
      } else if (hunk !== undefined && /^[ +-]/.test(line) && line !== SIGNATURE) {
        // A line that its head doesn't count: git would leave it out, a reader shouldn't.
        return undefined;
      } else if (file !== undefined && NOTES.test(line)) {
        file.notes.push(line);
        const target = /^(?:rename|copy) to (.*)$/.exec(line)?.[1];
        if (target !== undefined) file.new = unquoted(target);
      }
    }
  }
  if (left.old > 0 || left.new > 0 || files.length === 0) return undefined;
  const done = files.map(finished);
  return new Set(done.map(({ path }) => path)).size === done.length ? done : undefined;
}

/** A file of both patches, or of one. */
export interface FilePair {
  readonly path: string;
  readonly submitted?: DiffFile;
  readonly gold?: DiffFile;
}

/** Files of two patches side by side: those that both touch first, then those of the submitted one alone, then those of gold alone. */
export function pairFiles(submitted: readonly DiffFile[], gold: readonly DiffFile[]): readonly FilePair[] {
  const left = new Map(submitted.map((file) => [file.path, file]));
  const right = new Map(gold.map((file) => [file.path, file]));
  const pairs = [...new Set([...left.keys(), ...right.keys()])].map((path) => {
    const ours = left.get(path);
    const theirs = right.get(path);
    return {
      path,
      ...(ours === undefined ? {} : { submitted: ours }),
      ...(theirs === undefined ? {} : { gold: theirs }),
    };
  });
  const rank = (pair: FilePair) => (pair.submitted === undefined ? 2 : pair.gold === undefined ? 1 : 0);
  return pairs.sort((a, b) => rank(a) - rank(b));
}

function finished({ old, new: added, notes, hunks }: Draft): DiffFile {
  const count = (sign: string) =>
    hunks.reduce((sum, { lines }) => sum + lines.filter((line) => line.sign === sign).length, 0);
  const path = added === undefined || added === '/dev/null' ? old : added;
  return { path: path ?? '', notes, hunks, added: count('+'), removed: count('-') };
}

/** `a/x b/x` where both are the same; lines that follow tell other pairs, as a rule. */
function gitPaths(rest: string): Pick<Draft, 'old' | 'new'> {
  const half = (rest.length - 1) / 2;
  const [old, added] = [pathOf(rest.slice(0, half)), pathOf(rest.slice(half + 1))];
  return Number.isInteger(half) && old === added ? { old, new: added } : { new: rest };
}

function pathOf(rest: string): string {
  const path = rest.startsWith('"') ? unquoted(rest) : (rest.split('\t')[0] ?? '').replace(/\r$/, '');
  return path === '/dev/null' ? path : path.replace(/^[^/]*\//, '');
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** Undoes git's quoting, `"b/\303\244.txt"`. */
function unquoted(text: string): string {
  const inner = /^"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  if (inner === undefined) return text;
  const bytes: number[] = [];
  for (const [, octal, char, plain] of inner.matchAll(/\\([0-7]{1,3})|\\(.)|([^\\]+)/g)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 255);
    else if (char !== undefined && Object.hasOwn(ESCAPES, char)) bytes.push(ESCAPES[char] ?? 0);
    else bytes.push(...new TextEncoder().encode(char ?? plain ?? ''));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
