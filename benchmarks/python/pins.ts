/** Builds of conda packages that hold Python code: `py39h...`, `pyhd8ed1ab_0`, `nompi_py310h..._1`, and conda-forge's and Anaconda's empty ones that pull in such a package. */
const PYTHON_BUILD = /(^|_)py(h|\d|_|ge)|^hd(8ed1ab|3eb1b0)_/;

/** Conda packages that PyPI has under another name. */
const PYPI_NAME: Readonly<Record<string, string>> = {
  'antlr-python-runtime': 'antlr4-python3-runtime',
  'brotli-python': 'brotli',
  iris: 'scitools-iris',
  'matplotlib-base': 'matplotlib',
  'msgpack-python': 'msgpack',
  'nbconvert-core': 'nbconvert',
  pyqt: 'pyqt5',
  'python-eccodes': 'eccodes',
  'python-fastjsonschema': 'fastjsonschema',
  'python-tzdata': 'tzdata',
  'python-xxhash': 'xxhash',
  'seaborn-base': 'seaborn',
};

/**
 * Halves of a package, packages that PyPI doesn't have or has as sources over desktop libraries only, and a backport that conda adds where
 * Python has the module itself.
 */
const NOT_ON_PYPI: ReadonlySet<string> = new Set(
  (
    'backports-zoneinfo cdat-info cdms2 cdtime distarray esmpy libcf nbconvert-pandoc numpy-base pyarrow-core pybind11-global ' +
    'pycairo pygobject wxpython'
  ).split(' '),
);

/** What a conda export (`environment.yml` with builds) pins. */
export interface CondaExport {
  /** Exact version, e.g. `3.9.20`. */
  readonly python?: string;
  /** `name=version=build`. */
  readonly conda: readonly string[];
  /** `name==version`. */
  readonly pip: readonly string[];
}

/** Package name as pip compares them (PEP 503). */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** Exact pip requirements of a conda environment, sorted; where both name a package, pip's is the one that was on top. */
export function pipPins({ conda, pip }: CondaExport): readonly string[] {
  const pins = new Map<string, string>();
  for (const spec of conda) {
    const [name = '', version = '', build = ''] = spec.split('=');
    const known = PYPI_NAME[name] ?? normalName(name);
    if (PYTHON_BUILD.test(build) && !NOT_ON_PYPI.has(known)) pins.set(known, `${known}==${version}`);
  }
  for (const pin of pip) {
    const [name = '', version = ''] = pin.split('==');
    pins.set(normalName(name), `${normalName(name)}==${version}`);
  }
  return [...pins].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pin]) => pin);
}

/** Reads the two lists of a `conda env export`; other YAML than what conda writes isn't understood. */
export function parseCondaExport(environmentYml: string): CondaExport {
  const items = (indent: number) =>
    [...environmentYml.matchAll(new RegExp(`^ {${indent}}- (\\S+)$`, 'gm'))].map((match) => match[1] ?? '');
  const conda = items(2).filter((item) => item.split('=').length === 3);
  const python = conda.find((item) => item.startsWith('python='))?.split('=')[1];
  return {
    ...(python === undefined ? {} : { python }),
    conda,
    pip: items(6).filter((item) => item.includes('==')),
  };
}
