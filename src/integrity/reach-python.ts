import { words } from './words.js';

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
export const PLAIN_IMPORT = new RegExp(`^\\s*import (${Object.keys(HARMLESS).join('|')})$`, 'gm');

const BUILTINS =
  'isinstance|issubclass|len|str|int|float|bool|repr|type|list|dict|set|tuple|sorted|min|max|sum|any|all|abs|round|iter|next|super|object|hasattr|callable|hash|format';

/**
 * Names with which Python code can reach what is not its own: the process, the interpreter, the test machinery, output and files. Whoever names
 * none of them in what a patch adds computes, and no more.
 */
export const PYTHON = new RegExp(
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
      'displayhook meta_path path_hooks _getframe currentframe site sysconfig sitecustomize attrgetter methodcaller get_type_hints eval_str ForwardRef singledispatch\\w* timeit',
      'make_dataclass make_class new_class update_wrapper register_at_fork copyreg',
    ),
    // objects that lead on, those that decide what is equal, and what belongs to others
    '__(?!(name|doc|class|init|module|all|version|author|file|repr|str)__)\\w+__|(?<!\\bself)\\.__class__(?!\\.__(name|module)__)',
    '_[A-Za-z]\\w*__\\w|\\._[A-Z]|^\\s*[A-Z]\\w*\\.\\w+\\s*=(?!=)',
    '\\b(collections|contextlib|dataclasses|enum|functools|typing|uuid|weakref|abc|copy|json|re)\\._',
    words('gi_frame cr_frame ag_frame f_back f_builtins f_globals f_locals tb_frame tb_next'),
    // what the code around it means
    '^\\s*class\\s+\\w|^\\s*case\\s+\\w+\\(',
    '^\\s*@(?!(property|classmethod|staticmethod|cached_property|(functools\\.)?wraps\\(.*|\\w+\\.setter)$)',
    `\\bdef (${BUILTINS})\\(|(?<!\\.)\\b(${BUILTINS})\\s*=(?!=)(?=\\s*(${BUILTINS}|lambda)\\b)|^(${BUILTINS})\\s*=(?!=)`,
    // test machinery
    words(
      'pytest _pytest unittest nose doctest mock pluggy testing conftest pytest_\\w+ TestCase TestResult AssertionError skipTest SkipTest xfail',
      'importorskip hypothesis logging setUp tearDown assert\\w+',
    ),
    // output and files
    words(
      'print open breakpoint stdout stderr __stdout__ __stderr__ writelines read_text read_bytes loadtxt genfromtxt fromfile memmap tokenize fileinput',
      'read_csv read_table read_json read_pickle configparser zipfile tarfile sqlite3 shelve urlopen redirect_stdout redirect_stderr posix',
      'write write_text write_bytes Path copyright credits license',
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

/** Modules that compute, and lead to nothing else. */
export const COMPUTING = new Set(
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
export function importedModules(code: string): readonly string[] {
  const from = [...code.matchAll(/(?:^|[;:])[ \t]*from\s+(\w[\w.]*)\s+import\b/gm)].map(
    ([, name = '']) => name,
  );
  const lists = [...code.matchAll(/(?:^|[;:])[ \t]*import\s+([^\n;]+)/gm)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().split(/\s/, 1)[0] ?? ''),
  );
  return [...from, ...lists].filter((name) => name !== '');
}
