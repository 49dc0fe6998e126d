/** Label of a base image: the interpreters it holds, separated by spaces, the one called `python3` first. */
const PYTHONS_LABEL = 'assay.base.pythons';

/** Which interpreter a recipe gets; `version` is `unknown` when the base image doesn't tell. */
export interface PythonChoice {
  readonly command: string;
  readonly version: string;
  /** False when major and minor version differ from the recipe's: recorded in the image's labels. */
  readonly asRequested: boolean;
}

/** Picks the base image's interpreter of the requested `major.minor`, else its `python3`. */
export function choosePython(requested: string, baseLabels: Readonly<Record<string, string>>): PythonChoice {
  const [first, ...others] = (baseLabels[PYTHONS_LABEL] ?? '').split(' ').filter((word) => word !== '');
  if (first === undefined) return { command: 'python3', version: 'unknown', asRequested: false };
  const other = others.find((version) => minor(version) === minor(requested));
  return other === undefined
    ? { command: 'python3', version: first, asRequested: minor(first) === minor(requested) }
    : { command: `python${minor(requested)}`, version: other, asRequested: true };
}

function minor(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/**
 * What building the project itself needs (PEP 518): `[build-system] requires` of its pyproject.toml, or pip's own default. Reads only the
 * TOML that this table uses in practice: a list of quoted strings with comments.
 */
export function buildRequirements(pyproject: string | undefined): readonly string[] {
  const table = /^\[build-system\][^\n]*\n([\s\S]*?)(?=^\[|$(?![\s\S]))/m.exec(pyproject ?? '')?.[1] ?? '';
  const uncommented = table.replace(/^\s*#.*$/gm, '').replace(/(["'],?)\s*#.*$/gm, '$1');
  const list = /^requires\s*=\s*\[\s*((?:(?:"[^"]*"|'[^']*')\s*(?:,\s*)?)*)\]/m.exec(uncommented)?.[1];
  const requires = [...(list ?? '').matchAll(/"([^"]*)"|'([^']*)'/g)].map((m) => m[1] ?? m[2] ?? '');
  const found = list === undefined ? ['setuptools>=40.8.0', 'wheel'] : requires;
  // Backends ask for more through hooks: setuptools for wheel, hatchling for editables when the install is editable.
  const hooks = found.some((line) => line.startsWith('hatchling')) ? ['editables'] : ['setuptools', 'wheel'];
  return [...new Set([...found, ...hooks])].sort();
}
