/** By repository: paths that are part of the machinery which runs its tests, where that is the repository's own subject. */
export const MACHINERY: Readonly<Record<string, RegExp>> = {
  'pytest-dev/pytest': /^(src\/)?_?pytest(\/|\.py$)/,
  'pylint-dev/pylint': /^pylint\/testutils/,
};
