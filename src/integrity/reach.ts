import type { TouchedFile } from './touched.js';

/** Text that no program runs. */
const INERT =
  /\.(rst|md|txt|po|pot|html?|css|svg|png|jpe?g|gif|pdf|bib|tex|cff)$|(^|\/)(LICENSE|AUTHORS|CHANGES|CHANGELOG|NEWS|README|THANKS|CONTRIBUTORS|\.mailmap)(\.\w+)?$/i;

/** Files that build or install a project: code of them runs before the tests. */
const BUILD =
  /(^|\/)(setup\.py|_?build(_\w+)?\.py|hatch_build\.py|__main__\.py|ah_bootstrap\.py|ez_setup\.py|versioneer\.py)$/;

const words = (...lists: string[]) => `\\b(${lists.join(' ').split(' ').join('|')})\\b`;

/** The words, also as a module holds another one for itself: `random._os`. */
const heldWords = (...lists: string[]) => words(...lists).replace('\\b', '\\b_?');

/** Of modules that lead everywhere, the members that don't. */
const HARMLESS = {
  os: 'path sep fspath linesep pathsep PathLike',
  sys: 'version_info maxsize platform byteorder maxunicode',
  warnings: 'warn',
  inspect:
    'signature Parameter isclass isfunction ismethod isroutine isbuiltin isgenerator isgeneratorfunction iscoroutinefunction isabstract getdoc cleandoc getmro',
};

/** A line that brings in such a module under its own name, which shows wherever it is used. */
const PLAIN_IMPORT = new RegExp(`^\\s*import (${Object.keys(HARMLESS).join('|')})$`, 'gm');

/**
 * Names with which Python code can reach what is not its own: the process, the interpreter, the test machinery, output and files. Whoever names
 * none of them in what a patch adds computes, and no more.
 */
const PYTHON = new RegExp(
  [
    // process and machine
    heldWords(
      'signal subprocess multiprocessing threading _thread concurrent resource ctypes cffi mmap fcntl pty socket shutil tempfile pathlib',
      'faulthandler gc atexit exit quit _exit abort SystemExit KeyboardInterrupt BaseException kill fork system popen Popen environ argv',
    ),
    ...Object.entries(HARMLESS).map(
      ([module, members]) => `\\b_?${module}\\b(?!\\.(${members.replaceAll(' ', '|')})\\b)`,
    ),
    // code and modules
    heldWords(
      'builtins __builtins__ __builtin__ importlib import_module import_string imp runpy pkgutil pkg_resources __import__ exec exec_ execfile eval globals locals',
      'vars setattr delattr modules traceback linecache codecs marshal pickle codeop dis settrace setprofile setswitchinterval excepthook',
      'displayhook meta_path path_hooks _getframe currentframe site sysconfig sitecustomize attrgetter methodcaller get_type_hints eval_str ForwardRef singledispatch timeit',
      'make_dataclass make_class new_class update_wrapper register_at_fork copyreg __reduce__ __reduce_ex__ __setstate__',
    ),
    // objects that lead on, and those that decide what is equal
    words(
      '__subclasses__ __bases__ __mro__ __globals__ __code__ __closure__ __func__ __self__ __loader__ __spec__ __path__ __getattr__ __getattribute__',
      '__setattr__ __init_subclass__ __set_name__ __prepare__ __del__ __instancecheck__ __subclasscheck__ __dict__ __eq__ __ne__ __bool__ __hash__',
      '__lt__ __le__ __gt__ __ge__ __contains__ __defaults__ __kwdefaults__ __wrapped__ __debug__ gi_frame cr_frame ag_frame f_back f_builtins f_globals f_locals tb_frame tb_next',
    ),
    // test machinery
    words(
      'pytest _pytest unittest nose doctest mock pluggy testing conftest pytest_\\w+ TestCase TestResult AssertionError skipTest SkipTest xfail',
      'importorskip hypothesis logging setUp tearDown assert\\w+',
    ),
    // output and files
    words(
      'print open breakpoint stdout stderr __stdout__ __stderr__ writelines read_text read_bytes loadtxt genfromtxt fromfile memmap tokenize fileinput',
      'read_csv read_table read_json read_pickle configparser zipfile tarfile sqlite3 shelve urlopen redirect_stdout redirect_stderr posix',
    ),
    '(?<![.\\w])(compile|dir)\\b\\s*(?!=)|(?<![.\\w])(input|help)\\(',
    '\\bgetattr\\b(?!\\(\\s*[\\w.]+\\s*,\\s*[\'"]\\w+[\'"]\\s*[,)])',
    // classes that are made or changed while the code runs, and the names of their methods put together
    '\\btype\\(\\s*[^()]*,|\\btype\\([^()]*\\)\\(|=\\s*type\\([^()]*\\)\\s*$|(?<!class )\\b\\w+Meta\\(|__class__\\s*=(?!=)',
    '(?<![.\\w"\'`-])(?<!isinstance\\([^()]*,\\s*)type\\b(?!\\s*[(=:\\w\'"`-])',
    '__[\'"]|[\'"]__|[\'"]_[\'"]|__\\w+__\\s*\\[|\\bchr\\(|\\bbytes\\(|bytearray|fromhex',
    '^\\s*#.*coding[:=]',
    '\\b(time|datetime|random|math|decimal|re|json|collections|functools|operator)\\.\\w+\\s*=(?!=)',
    '[)\\]]\\.\\w+\\s*=(?!=)',
    'PASSED|FAILED|>>>>>|/(proc|dev|tmp|testbed|opt|usr|root|etc)/',
  ].join('|'),
  'm',
);

/** As above for JavaScript and TypeScript, where a module reaches only what it imports, what is global, and prototypes. */
const JAVASCRIPT = new RegExp(
  [
    words(
      'process global globalThis window self child_process worker_threads eval Function __proto__ prototype setPrototypeOf getPrototypeOf Reflect Proxy',
      'defineProperty defineProperties __defineGetter__ __defineSetter__ __lookupGetter__ console callee caller prepareStackTrace captureStackTrace',
      'stackTraceLimit toPrimitive hasInstance valueOf Atomics WebAssembly getOwnPropertyDescriptors?',
    ),
    '\\bmodule\\b(?!\\.exports\\b)|[.?]\\s*constructor\\b|[\'"`]constructor',
    '\\bfrom\\s*[\'"](?!\\.)|\\bimport\\s*[\'"(]|\\brequire\\b(?!\\(\\s*[\'"]\\.)|\\breturn\\s+this\\b(?!\\.)|\\bthis\\s*\\[',
    // members by a name that is not to be read here
    '(?<![=(,:?&|{[>]\\s*)(?<=[\\w$)\\]]|\\?\\.)\\[\\s*[A-Za-z_$]|[{,]\\s*\\[[^\\]]*\\]\\s*:',
    '\\[[^\\]]*[\'"`]\\s*\\+|\\+\\s*[\'"`][^\\[]*\\]|\\[\\s*`',
    '\\b(Date|Math|JSON|Object|Array|String|Number|Promise|Error|Map|Set)\\.\\w+\\s*=(?!=)',
    '\\b(set(Timeout|Interval|Immediate)|queueMicrotask|Date)\\s*=(?!=)',
    '\\bok \\d|# (pass|fail|tests)|>>>>>',
  ].join('|'),
  'm',
);

/** Modules that compute, and lead to nothing else. */
const COMPUTING = new Set(
  [
    '__future__ abc array bisect calendar cmath collections colorsys contextlib contextvars copy csv dataclasses datetime decimal difflib enum',
    'fnmatch fractions functools gettext graphlib hashlib heapq hmac html itertools json keyword locale math numbers operator posixpath queue random re',
    'reprlib sched secrets statistics stringprep struct symtable textwrap time token typing unicodedata uuid weakref zlib zoneinfo ast',
    'six attr attrs numpy pandas scipy mpmath docutils pygments markupsafe packaging pytz dateutil sqlparse typing_extensions astroid isort erfa',
    'matplotlib',
  ]
    .join(' ')
    .split(' '),
);

/** The modules that Python code imports by an absolute name. */
function importedModules(code: string): readonly string[] {
  const from = [...code.matchAll(/(?:^|[;:])[ \t]*from\s+(\w[\w.]*)\s+import\b/gm)].map(
    ([, name = '']) => name,
  );
  const lists = [...code.matchAll(/(?:^|[;:])[ \t]*import\s+([^\n;]+)/gm)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().split(/\s/, 1)[0] ?? ''),
  );
  return [...from, ...lists].filter((name) => name !== '');
}

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
  const packages = packagesOf(files);
  return files.flatMap((file) => {
    const why = reachOf(file, packages, machinery);
    return why === undefined ? [] : [`${file.newPath ?? file.oldPath}: ${why}`];
  });
}

function reachOf(
  { oldPath, newPath, mode, binary, added }: TouchedFile,
  packages: ReadonlySet<string>,
  machinery: RegExp | undefined,
): string | undefined {
  if (newPath === undefined) return 'deleted';
  if (mode !== undefined && mode !== '100644') return `mode ${mode}`;
  if (binary) return 'binary';
  const language = LANGUAGES.find(({ ending }) => ending.test(newPath));
  if (language === undefined && INERT.test(newPath)) return undefined;
  if (BUILD.test(newPath)) return 'runs at install';
  if (machinery?.test(newPath) === true) return 'part of the test machinery';
  if (oldPath === undefined && TOP_LEVEL.test(newPath)) return 'a new top-level module';
  if (language === undefined) return 'neither text nor a language that is looked into';
  for (const spelling of spellings(added.join('\n').replace(PLAIN_IMPORT, ''))) {
    const found = language.reach.exec(spelling);
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
 * joined, without comments within lines.
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
  return new Set([code, code.normalize('NFKC'), unescaped, joined]);
}
