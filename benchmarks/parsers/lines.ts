import type { LogParser, TestStatus } from '../../src/index.js';
import { eachLine, pythonPattern, skipSpace, strip, trimmedEnd } from './text.js';

/** What one line says of a test; undefined: nothing. */
type LineRule = (line: string) => readonly [name: string, status: TestStatus] | undefined;

/** A parser that looks at each line by itself, white space at both ends removed. */
export function lineParser(rule: LineRule): LogParser {
  return (log) => {
    const statuses = new Map<string, TestStatus>();
    eachLine(log, (rawStart, rawEnd) => {
      const start = skipSpace(log, rawStart, rawEnd);
      if (start === rawEnd) return;
      const result = rule(log.slice(start, trimmedEnd(log, start, rawEnd)));
      if (result !== undefined) statuses.set(...result);
    });
    return statuses;
  };
}

type Words = Readonly<Record<string, TestStatus>>;

/** A rule from a pattern with the named groups `status` and `name`. */
function patternRule(source: string, meaning: Words): LineRule {
  const pattern = pythonPattern(source);
  return (line) => {
    const groups = pattern.exec(line)?.groups;
    const status = meaning[groups?.['status'] ?? ''];
    return groups?.['name'] === undefined || status === undefined ? undefined : [groups['name'], status];
  };
}

const PASS_FAIL_SKIP: Words = { PASS: 'PASSED', FAIL: 'FAILED', SKIP: 'SKIPPED' };

/** `--- PASS: Name (0.00s)` */
const goTest = patternRule(String.raw`^--- (?<status>PASS|FAIL|SKIP): (?<name>.+) \(.+\)$`, PASS_FAIL_SKIP);

/** `[ok]: name (3 ms)`; failures also carry ` in file`. */
const redis = patternRule(
  String.raw`^\[(?<status>ok|err|skip|ignore)\]:\s(?<name>.+?)(?:\s\(\d+\s*m?s\))?$`,
  { ok: 'PASSED', err: 'FAILED', skip: 'SKIPPED', ignore: 'SKIPPED' },
);
const IN_FILE = pythonPattern(String.raw`(?<!\s)\s+in\s+\S+$`);

/** `name. Class#test = 0.00 s = .`: the last `.`, `F` or `E` after the last `=` after the last `. ` */
const minitest: LineRule = (line) => {
  const at = Math.max(line.lastIndexOf('.'), line.lastIndexOf('F'), line.lastIndexOf('E'));
  const equals = at < 1 ? -1 : line.lastIndexOf('=', at - 1);
  const dot = equals < 2 ? -1 : line.lastIndexOf('. ', equals - 2);
  return dot < 1 ? undefined : [line.slice(0, dot), line[at] === '.' ? 'PASSED' : 'FAILED'];
};

const BRACKET = pythonPattern(String.raw`\[\s*(OK|FAILED)\s*\]\s`, 'g');
const BEFORE_TIME = pythonPattern(String.raw`\s\(`, 'g');

/** `[       OK ] Suite.Name (3 ms)`: from the last bracket to the last parenthesis. */
const googleTest: LineRule = (line) => {
  if (!line.endsWith(')')) return undefined;
  const end = [...line.matchAll(BEFORE_TIME)].at(-1)?.index;
  const bracket = [...line.slice(0, end ?? 0).matchAll(BRACKET)].at(-1);
  if (bracket === undefined) return undefined;
  return [line.slice(bracket.index + bracket[0].length, end), bracket[1] === 'OK' ? 'PASSED' : 'FAILED'];
};

const MARKS: Words = { '✓': 'PASSED', '✕': 'FAILED', '○': 'SKIPPED' };

const jest = patternRule(String.raw`^(?<status>✓|✕|○)\s(?<name>.+?)(?:\s\(\d+\s*m?s\))?$`, MARKS);

/** Jest's verbose reporter, `✓ name (3 ms)`; v5 takes white space off the name. */
export const jest5: LineRule = (line) => {
  const result = jest(line);
  return result && [strip(result[0]), result[1]];
};

/** Rules by official name. */
export const LINE_RULES: Readonly<Record<string, LineRule>> = {
  parse_log_gotest: (line) => (line.startsWith('--- ') && line.endsWith(')') ? goTest(line) : undefined),
  parse_log_redis: (line) => {
    const result = redis(line);
    return result?.[1] === 'FAILED' ? [result[0].replace(IN_FILE, ''), 'FAILED'] : result;
  },
  parse_log_jq: patternRule(String.raw`^(?<status>PASS|FAIL):\s(?<name>.+)$`, PASS_FAIL_SKIP),
  parse_log_micropython_test: patternRule(String.raw`^(?<status>pass|FAIL|skip)\s+(?<name>.+)$`, {
    pass: 'PASSED',
    FAIL: 'FAILED',
    skip: 'SKIPPED',
  }),
  parse_log_googletest: googleTest,
  parse_log_minitest: minitest,
  parse_log_cucumber: patternRule(String.raw`^(?<name>.*) \.+(?<status>\.|F)`, {
    '.': 'PASSED',
    F: 'FAILED',
  }),
  parse_log_ruby_unit: patternRule(String.raw`^(?:test: )?(?<name>.+):\s+(?<status>\.|[EFO](?!\w))`, {
    '.': 'PASSED',
    E: 'FAILED',
    F: 'FAILED',
    O: 'SKIPPED',
  }),
  parse_log_rspec_transformed_json: patternRule('^(?<name>.+) - (?<status>passed|failed)', {
    passed: 'PASSED',
    failed: 'FAILED',
  }),
  parse_log_cargo: patternRule(String.raw`^test\s+(?<name>\S+)\s+\.\.\.\s+(?<status>\w+)$`, {
    ok: 'PASSED',
    FAILED: 'FAILED',
  }),
  parse_log_ant: patternRule(String.raw`^\[junit\]\s+\[(?<status>PASS|FAIL|ERR)\]\s+(?<name>.*)$`, {
    PASS: 'PASSED',
    FAIL: 'FAILED',
    ERR: 'FAILED',
  }),
  parse_log_jest: jest,
  parse_log_jest_json: patternRule(String.raw`^\[(?<status>PASSED|FAILED)\]\s(?<name>.+)$`, {
    PASSED: 'PASSED',
    FAILED: 'FAILED',
  }),
  parse_log_vitest: patternRule(
    String.raw`^(?<status>✓|×|↓)\s(?<name>.+?)(?:\s(?:\d+\s*m?s?|\[skipped\]))?$`,
    { '✓': 'PASSED', '×': 'FAILED', '↓': 'SKIPPED' },
  ),
  parse_log_tap: patternRule(String.raw`^(?<status>ok|not ok) \d+ (?<name>.+)$`, {
    ok: 'PASSED',
    'not ok': 'FAILED',
  }),
};
