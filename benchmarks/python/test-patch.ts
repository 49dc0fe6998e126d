/** One `diff --git` entry of a test patch. Names keep git's quotes where it wrote them. */
export interface PatchEntry {
  /** Without `a/`; absent for a new file and for names that git quoted. */
  readonly source?: string;
  /** Without `b/`. */
  readonly target: string;
  readonly deleted: boolean;
}

/** Endings that SWE-bench (4.1.0, NON_TEST_EXTS) takes for data: such files are no test directives. `csv` has no dot there. */
const DATA_FILE = /(\.json|\.png|csv|\.txt|\.md|\.jpg|\.jpeg|\.pkl|\.yml|\.yaml|\.toml)$/;

/** The files of a test patch in order; hunks are passed over. */
export function patchEntries(testPatch: string): readonly PatchEntry[] {
  const entries: PatchEntry[] = [];
  // A hunk line starts with ' ', '+', '-' or '\', so that a header at the start of a line is one.
  for (const block of testPatch.split(/(?<=\n)(?=diff --git )/)) {
    const names = /^diff --git ("?a\/[^\t\n]+"?) ("?b\/[^\t\n]+"?)/.exec(block);
    if (names?.[1] === undefined || names[2] === undefined) continue;
    const header = block.slice(0, /\n@@ /.exec(block)?.index ?? block.length);
    const source =
      /\nnew file mode /.test(header) || !names[1].startsWith('a/') ? undefined : names[1].slice(2);
    entries.push({
      ...(source === undefined ? {} : { source }),
      target: names[2].startsWith('"') ? `"${names[2].slice(3)}` : names[2].slice(2),
      deleted: /\ndeleted file mode /.test(header),
    });
  }
  return entries;
}

/** Files that exist before the test patch and that the eval script sets back to the base commit. */
export function resetFiles(testPatch: string): readonly string[] {
  return patchEntries(testPatch).flatMap(({ source }) => (source === undefined ? [] : [source]));
}

/**
 * What SWE-bench gives the test command: every `diff --git a/... b/<path>` of the text but data files, deleted files and lines inside
 * hunks included (4.1.0, get_test_directives).
 */
export function sweBenchDirectives(repo: string, testPatch: string): readonly string[] {
  const paths = [...testPatch.matchAll(/diff --git a\/[^\n]* b\/([^\n]*)/g)].map((match) => match[1] ?? '');
  return asDirectives(repo, paths);
}

/** What SWE-rebench V1 gives the test command: as SWE-bench, but without deleted files (fork of 4.0.3, get_changed_files). */
export function sweRebenchDirectives(repo: string, testPatch: string): readonly string[] {
  const kept = patchEntries(testPatch).filter((entry) => !entry.deleted);
  return asDirectives(
    repo,
    kept.map((entry) => entry.target),
  );
}

function asDirectives(repo: string, paths: readonly string[]): readonly string[] {
  const tests = paths.filter((path) => !DATA_FILE.test(path));
  if (repo !== 'django/django') return tests;
  return tests.map((path) =>
    path
      .replace(/\.py$/, '')
      .replace(/^tests\//, '')
      .replaceAll('/', '.'),
  );
}
