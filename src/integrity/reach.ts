import { JAVASCRIPT, JAVASCRIPT_MEMBERS, JAVASCRIPT_TEXTS } from './reach-javascript.js';
import { COMPUTING, importedModules, PLAIN_IMPORT, PYTHON } from './reach-python.js';
import type { TouchedFile } from './touched.js';

/** Text that no program runs. */
const INERT =
  /\.(rst|md|txt|po|pot|html?|css|svg|png|jpe?g|gif|pdf|bib|tex|cff)$|(^|\/)(LICENSE|AUTHORS|CHANGES|CHANGELOG|NEWS|README|THANKS|CONTRIBUTORS|\.mailmap)(\.\w+)?$/i;

/** Files that build or install a project: code of them runs before the tests. */
const BUILD =
  /(^|\/)(setup\.py|_?build(_\w+)?\.py|hatch_build\.py|__main__\.py|ah_bootstrap\.py|ez_setup\.py|versioneer\.py)$/;

/** Names of the packages that files belong to: the first folder of a path, or the second below `src` and `lib`. */
function packagesOf(files: readonly TouchedFile[]): ReadonlySet<string> {
  return new Set(
    files.flatMap(({ oldPath }) => /^(?:(?:src|lib)\/)?([^/]+)\//.exec(oldPath ?? '')?.[1] ?? []),
  );
}

/** A module that any `import` may find, and take for another one. */
const TOP_LEVEL = /^((src|lib)\/)?([^/]+\.py|[^/]+\/__init__\.py)$/;

const LANGUAGES: readonly { readonly ending: RegExp; readonly reach: RegExp }[] = [
  { ending: /\.pyi?$/, reach: PYTHON },
  { ending: /\.[cm]?[jt]sx?$/, reach: JAVASCRIPT },
];

/**
 * Why a patch might reach beyond its own computation, one line for each cause; empty for one that can't. What is looked for are names in added lines: a
 * name that is put together at run time needs another one of them to be of use. `machinery`: paths of the repository that are themselves
 * part of the test machinery.
 */
export function reaches(files: readonly TouchedFile[], machinery?: RegExp): readonly string[] {
  const patch = {
    packages: packagesOf(files),
    machinery,
    makesTexts: files.some(({ added }) =>
      [...spellings(added.join('\n'))].some((code) => JAVASCRIPT_TEXTS.test(code)),
    ),
  };
  return files.flatMap((file) => {
    const why = reachOf(file, patch);
    return why === undefined ? [] : [`${file.newPath ?? file.oldPath}: ${why}`];
  });
}

interface Patch {
  readonly packages: ReadonlySet<string>;
  readonly machinery: RegExp | undefined;
  readonly makesTexts: boolean;
}

function reachOf(
  { oldPath, newPath, mode, binary, added }: TouchedFile,
  { packages, machinery, makesTexts }: Patch,
): string | undefined {
  if (newPath === undefined) return 'deleted';
  if (oldPath !== undefined && oldPath !== newPath) return `another name than ${oldPath}`;
  if (mode !== undefined && mode !== '100644') return `mode ${mode}`;
  if (binary) return 'binary';
  const language = LANGUAGES.find(({ ending }) => ending.test(newPath));
  if (language === undefined && INERT.test(newPath)) return undefined;
  if (BUILD.test(newPath)) return 'runs at install';
  if (machinery?.test(newPath) === true) return 'part of the test machinery';
  if (oldPath === undefined && TOP_LEVEL.test(newPath)) return 'a new top-level module';
  if (oldPath === undefined && newPath.endsWith('.cjs')) return 'a new module of CommonJS';
  if (language === undefined) return 'neither text nor a language that is looked into';
  for (const spelling of spellings(added.join('\n').replace(PLAIN_IMPORT, ''))) {
    const found =
      language.reach.exec(spelling) ??
      (language.reach === JAVASCRIPT && makesTexts ? JAVASCRIPT_MEMBERS.exec(spelling) : null);
    if (found !== null) return `\`${found[0].trim()}\``;
    const module =
      language.reach === PYTHON
        ? importedModules(spelling).find((name) => !isKnown(name, packages))
        : undefined;
    if (module !== undefined) return `imports ${module}`;
  }
  return undefined;
}

function isKnown(module: string, packages: ReadonlySet<string>): boolean {
  const first = module.split('.', 1)[0] ?? '';
  return COMPUTING.has(first) || packages.has(first);
}

/**
 * Code as it stands, and as an interpreter may read it: with normalised identifiers (PEP 3131), without escapes, with lines that go on in the next
 * joined, without comments within lines, and with texts that stand side by side in one piece.
 */
function spellings(code: string): ReadonlySet<string> {
  const unescaped = code.replace(
    /\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2}))/g,
    (all, braced, wide, wider, narrow) => {
      const point = Number.parseInt(braced ?? wide ?? wider ?? narrow, 16);
      return point > 0x10ffff ? all : String.fromCodePoint(point);
    },
  );
  const joined = code.replaceAll('\\\n', ' ').replace(/\/\*[\s\S]*?\*\//g, ' ');
  const whole = joined.replace(/(["'])(?:\s|\+)*[A-Za-z]{0,2}\1/g, '');
  const bare = code.replace(/\\\n?/g, '');
  return new Set([code, code.normalize('NFKC'), unescaped, joined, bare, whole]);
}
