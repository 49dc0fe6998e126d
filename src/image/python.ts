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
