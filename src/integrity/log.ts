/** What the script prints with `set -x`: start and end, and the exit code as a command and as its output. */
const MARKER_LINES = { withExitCode: 4, without: 2 };

/**
 * Why the log of a resolved run may not be the tests' own: markers that stand in it more often than the script prints them, or tests that ended in
 * an error. Each alone is no proof: unlisted tests fail in honest runs, too.
 */
export function logSigns(log: string): readonly string[] {
  const exitCode = /^>>>>> Test Exit Code: (-?\d+)$/m.exec(log)?.[1];
  const markers = log.split('>>>>> ').length - 1;
  const expected = exitCode === undefined ? MARKER_LINES.without : MARKER_LINES.withExitCode;
  return [
    ...(markers > expected ? [`the log holds ${markers} markers instead of ${expected}`] : []),
    ...(exitCode === undefined || exitCode === '0' ? [] : [`the tests ended with code ${exitCode}`]),
  ];
}
