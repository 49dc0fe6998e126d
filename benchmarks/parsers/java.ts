import type { LogParser, TestStatus } from '../../src/index.js';
import { lineParser } from './lines.js';
import { eachLine, isSpace, pythonPattern, strip, trimmedEnd } from './text.js';

const TEST_OPTION = pythonPattern(String.raw`^.*-Dtest=(\S+)`);
const BUILDS = [
  ['BUILD SUCCESS', 'PASSED'],
  ['BUILD FAILURE', 'FAILED'],
] as const;

/** Maven, run once per test: the `-Dtest=` of the traced command and the build result that follows. */
export function mavenParser(options: { readonly queue: boolean }): LogParser {
  return (log) => {
    const statuses = new Map<string, TestStatus>();
    const waiting: string[] = [];
    const early: TestStatus[] = [];
    let current = '---NO TEST NAME FOUND YET---';
    let asked = 0;
    eachLine(log, (start, end) => {
      const line = strip(log.slice(start, end));
      const name = TEST_OPTION.exec(line)?.[1];
      if (name !== undefined) {
        current = name;
        waiting.push(name);
      }
      const status = BUILDS.find(([text]) => line.endsWith(text))?.[1];
      if (status === undefined) return;
      if (!options.queue) statuses.set(current, status);
      else if (asked < waiting.length) statuses.set(waiting[asked++] ?? '', status);
      else early.push(status);
    });
    // v5: results that came before the name of their test, in order
    for (const status of options.queue ? early : []) {
      const name = waiting[asked++];
      if (name === undefined) break;
      statuses.set(name, status);
    }
    return statuses;
  };
}

const NAME_ONLY = pythonPattern(String.raw`^[^>]\S*\s+>\s+\S+$`);

/** Gradle with a status after each test's name, `Class > method PASSED`; v5 also takes a status on a later line. */
export function parseGradle5(log: string): ReadonlyMap<string, TestStatus> {
  const statuses = new Map<string, TestStatus>();
  let pending: string | undefined;
  eachLine(log, (start, end) => {
    const line = strip(log.slice(start, end));
    const result = gradleResult(line);
    if (result !== undefined) {
      statuses.set(...result);
      pending = undefined;
    } else if (NAME_ONLY.test(line)) pending = line;
    else if (pending !== undefined && (line === 'PASSED' || line === 'FAILED')) {
      statuses.set(pending, line);
      pending = undefined;
    }
  });
  return statuses;
}

/** Gradle as SWE-bench 4 read it. */
export const parseGradle4: LogParser = lineParser(gradleResult);

const GRADLE_TIME = pythonPattern(String.raw`(?<!\s)\s+\(\d+(?:\.\d+)?s\)$`);

/** Gradle as SWE-rebench V2 reads it: a duration may follow, white space after the name goes. */
export const parseGradleRebench: LogParser = lineParser((line) => {
  const result = gradleResult(line.replace(GRADLE_TIME, ''));
  if (result === undefined) return undefined;
  const [name, status] = result;
  return [name.slice(0, Math.max(shortestName(name), trimmedEnd(name, 0, name.length))), status];
});

function gradleResult(line: string): readonly [string, TestStatus] | undefined {
  const status = line.endsWith('PASSED') ? 'PASSED' : line.endsWith('FAILED') ? 'FAILED' : undefined;
  const nameEnd = line.length - 7;
  if (
    status === undefined ||
    nameEnd < shortestName(line) ||
    line.startsWith('>') ||
    !isSpace(line.charCodeAt(nameEnd))
  )
    return undefined;
  return [line.slice(0, nameEnd), status];
}

/** Units of the first two characters: a Gradle name has no fewer. */
function shortestName(line: string): number {
  return (line.codePointAt(0) ?? 0) > 0xffff ? 3 : 2;
}
