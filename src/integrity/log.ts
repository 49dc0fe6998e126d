/** What the script prints with `set -x`: start and end, and the exit code as a command and as its output. */
const MARKER_LINES = { withExitCode: 4, without: 2 };

/** How runners say that something failed, where the script doesn't print their exit code. */
const FAILURE =
  /^(Traceback \(most recent call last\):|(FAIL|FAILED|ERROR|ERRORS|not ok)\b|E {3}|=+ .*\b(failed|errors?)\b.*=$|_{10,} .* _{10,}$).*/m;

/**
 * Why the log of a script's resolved run may not be the tests' own: markers that stand in it more often than the script prints them, or tests that ended in
 * an error. Each alone is no proof: unlisted tests fail in honest runs, too.
 */
export function logSigns(log: string, evalScript: string): readonly string[] {
  const saysExitCode = evalScript.includes('>>>>> Test Exit Code');
  const exitCode = saysExitCode ? /^>>>>> Test Exit Code: (-?\d+)$/m.exec(log)?.[1] : undefined;
  const markers = log.split('>>>>> ').length - 1;
  const expected = saysExitCode ? MARKER_LINES.withExitCode : MARKER_LINES.without;
  return [
    ...(markers > expected ? [`the log holds ${markers} markers instead of ${expected}`] : []),
    ...(exitCode === undefined || exitCode === '0' ? [] : [`the tests ended with code ${exitCode}`]),
    ...(!saysExitCode && FAILURE.test(log) ? ['the log speaks of a failure'] : []),
  ];
}
