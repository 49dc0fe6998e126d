import type { LogParser, StatusMap, TestStatus } from '../../src/index.js';
import { pythonPattern, strip } from './text.js';

/**
 * Parsers that only SWE-rebench V2 names. Where the official pattern says `(.*?)\s+`, ours says that the name doesn't end in white
 * space, which is the same match found in linear time; what is left to backtrack is bounded by `LONGEST_LINE`.
 */
export const REBENCH_2: Readonly<Record<string, LogParser>> = {
  parse_log_pytest_nebo: parseNebo,
  parse_log_elixir: linesBy([
    rule('SKIPPED', String.raw`^\*\s+test\s+(?!\s)(.*?)(?<!\s)\s+\(skipped\)\s+\[L#\d+\]$`),
    rule('FAILED', String.raw`^\d+\)\s+test\s+(?!\s)(.*?)(?<!\s)\s+\([^)]+\)$`),
    rule(
      'PASSED',
      String.raw`^\*\s+test\s+(?!\s)(.*?)(?<!\s)\s+\([0-9]+(?:\.[0-9]+)?ms\)\s+\[L#\d+\]$`,
      'first',
    ),
    rule('PASSED', String.raw`^\*\s+test\s+(?!\s)(.*?)(?<!\s)\s+\[L#\d+\]$`, 'first'),
  ]),
  parse_log_ruby_v2: linesBy([
    rule(
      { '.': 'PASSED', f: 'FAILED', e: 'FAILED', s: 'SKIPPED' },
      String.raw`^(.+?#.+?)(?<!\s)\s+=\s+[\d.]+\s+s\s+=\s+([.FES])$`,
    ),
  ]),
  parse_log_cpp_v2: linesBy([
    rule('PASSED', String.raw`^Test\s+(?!\s)(.*?)(?<!\s)\s+passed$`, 'first'),
    rule('FAILED', String.raw`^Test\s+(?!\s)(.*?)(?<!\s)\s+failed$`),
    rule('SKIPPED', String.raw`^Test\s+(?!\s)(.*?)(?<!\s)\s+skipped$`),
  ]),
  parse_log_cpp_v4: linesBy([
    rule(
      { passed: 'PASSED', failed: 'FAILED', timeout: 'FAILED', skipped: 'SKIPPED' },
      String.raw`^\d+/\d+\s+Test\s+#\d+:\s+(?!\s)(.+?)(?<!\s)\s+\.+\s+(Passed|Failed|Skipped|Timeout)(?!\w)`,
      'last',
      'i',
    ),
  ]),
  parse_lue_nvim: linesBy(
    [
      rule('FAILED', String.raw`^(?:Fail|Failed)\s*\|\|\s*(.+)$`),
      rule('SKIPPED', String.raw`^(?:Skip|Skipped)\s*\|\|\s*(.+)$`, 'first', 'i'),
      rule('PASSED', String.raw`^Success\s*\|\|\s*(.+)$`, 'first'),
    ],
    (line) => stripEnd(line.replace(/\x1b\[[0-9;]*m/g, '')),
  ),
  parse_log_js: linesBy(
    [
      rule('SKIPPED', String.raw`^-\s+(.*)$`),
      rule('FAILED', String.raw`^\d+\)\s+(.*):$`),
      rule('FAILED', String.raw`^\[W\]\s*\d+\)\s+(.*)$`),
      rule('PASSED', String.raw`^✔\s+(.*)$`, 'first'),
    ],
    strip,
    withoutJsTime,
  ),
  parse_log_js_2: linesBy(
    [
      rule('SKIPPED', String.raw`^-\s+(.*)$`),
      rule('FAILED', String.raw`^\d+\)\s+(.*)$`),
      rule('PASSED', String.raw`^✔\s+(.*)$`, 'first'),
    ],
    strip,
    withoutJsTime,
  ),
  parse_log_npx: linesBy([
    rule('PASSED', String.raw`^✔\s+(.+?)(?:(?<!\s)\s+\(\d+(?:ms)?\))?$`),
    rule('FAILED', String.raw`^\d+\)\s+(.+?)(?:(?<!\s)\s+\([^)]+\))?$`),
  ]),
  parse_log_swift: linesBy([
    rule(
      { passed: 'PASSED', failed: 'FAILED' },
      String.raw`^Test Case '([^']+)'\s+(passed|failed)\s+\([0-9.]+\s+seconds\)$`,
    ),
  ]),
  parse_log_csharp: linesBy(
    [
      rule('FAILED', String.raw`^\[xUnit\.net\s+[\d:\.]+\]\s+(?!\s)(.+?)(?<!\s)\s+\[FAIL\]$`),
      rule('FAILED', String.raw`^\s+Failed\s+(?!\s)(.+?)(?<!\s)\s+\[.+?\]$`),
      rule('SKIPPED', String.raw`^\s+Skipped\s+(?!\s)(.+?)(?:(?<!\s)\s+\[.+?\])?$`),
      rule('PASSED', String.raw`^\s+Passed\s+(?!\s)(.+?)(?<!\s)\s+\[.+?\]$`, 'first'),
    ],
    stripEnd,
  ),
  parse_log_scala: linesBy([
    rule('FAILED', String.raw`^\[info\]\s+-\s+(?!\s)(.*?)(?<!\s)\s+\*\*\*\s+FAILED\s+\*\*\*\s+\([^)]+\)$`),
    rule('SKIPPED', String.raw`^\[info\]\s+-\s+(?!\s)(.*?)(?<!\s)\s+!!!\s+CANCELED\s+!!!\s+\([^)]+\)$`),
    rule('SKIPPED', String.raw`^\[info\]\s+-\s+(?!\s)(.*?)(?<!\s)\s+!!!\s+IGNORED\s+!!!`),
    rule('PASSED', String.raw`^\[info\]\s+-\s+(?!\s)(.*?)(?<!\s)\s+\([^)]+\)$`, 'first'),
  ]),
  parse_log_sbt: parseJunitTags,
};

/** More names for the same. */
export const REBENCH_2_ALIASES: Readonly<Record<string, string>> = {
  parse_log_junit: 'parse_log_sbt',
  parse_lua_nvim: 'parse_lue_nvim',
  parse_log_lua_nvim: 'parse_lue_nvim',
  parse_log_pydantic: 'parse_log_pytest',
  parse_log_dvc: 'parse_log_pytest',
};

/** A longer line names no test (a bound of ours, far above any real name). */
const LONGEST_LINE = 4_000;
/** Where Python's `str.splitlines` ends a line, `\r` being gone already. */
const LINE_ENDS = /[\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]/;

interface Rule {
  /** A status, or one for each word that group 2 can be, in lower case. */
  readonly status: TestStatus | Readonly<Record<string, TestStatus>>;
  /** Group 1 is the name. */
  readonly pattern: RegExp;
  /** `first`: only a test without a status yet gets this one. */
  readonly wins: 'last' | 'first';
}

function rule(status: Rule['status'], source: string, wins: Rule['wins'] = 'last', flags = ''): Rule {
  return { status, pattern: pythonPattern(source, flags), wins };
}

/** A parser from rules that are tried in order on each line; the first that matches ends the line. */
function linesBy(
  rules: readonly Rule[],
  trim: (line: string) => string = strip,
  clean: (name: string) => string = strip,
): LogParser {
  return (log) => {
    const statuses = new Map<string, TestStatus>();
    for (const raw of log.split(LINE_ENDS)) {
      if (raw.length > LONGEST_LINE) continue;
      const line = trim(raw);
      for (const { status, pattern, wins } of rules) {
        const match = pattern.exec(line);
        if (match === null) continue;
        const name = clean(match[1] ?? '');
        const result = typeof status === 'string' ? status : status[(match[2] ?? '').toLowerCase()];
        if (name !== '' && result !== undefined && (wins === 'last' || !statuses.has(name))) {
          statuses.set(name, result);
        }
        break;
      }
    }
    return statuses;
  };
}

function stripEnd(text: string): string {
  return strip(`|${text}`).slice(1);
}

const JS_TIME = pythonPattern(String.raw`(?<!\s)\s*(?:\(\s*)?\d+(?:\.\d+)?\s*(?:ms|s)\s*(?:\))?\s*$`, 'i');

function withoutJsTime(name: string): string {
  return strip(name.replace(JS_TIME, ''));
}

const NEBO = {
  worker: pythonPattern(String.raw`^\[gw\d+\]\s+\[[^\]]*\]\s+(\w+)\s+(.*)$`),
  timed: pythonPattern(String.raw`\]\s+in\s+\d+(?:\.\d+)?s$`),
  statusLast: pythonPattern(
    String.raw`^(\S.*?)(?<!\s)\s+(PASSED|FAILED|SKIPPED|ERROR)\s+\[[^\]]*\]\s+in\s+\d+(?:\.\d+)?s$`,
  ),
  statusFirst: pythonPattern(String.raw`^(PASSED|FAILED|SKIPPED|ERROR)\s+(.*)$`),
};
const NEBO_STATUSES: ReadonlySet<string> = new Set(['PASSED', 'FAILED', 'SKIPPED', 'ERROR']);

/** pytest with workers (`[gw0] [ 5%] PASSED id`), with durations (`id PASSED [ 5%] in 0.1s`) or plain (`PASSED id`). */
function parseNebo(log: string): StatusMap {
  const statuses = new Map<string, TestStatus>();
  for (const raw of log.split(LINE_ENDS)) {
    if (raw.length > LONGEST_LINE) continue;
    const line = strip(raw.replace(/\[\p{Nd}+m/gu, '').replace(/[\x01-\x1f]/g, ''));
    const worker = NEBO.worker.exec(line);
    const last = NEBO.timed.test(line) ? NEBO.statusLast.exec(line) : null;
    const first = NEBO.statusFirst.exec(line);
    if (worker?.[1] !== undefined && NEBO_STATUSES.has(worker[1])) {
      statuses.set(beforeDuration(worker[2]), worker[1] as TestStatus);
    } else if (last?.[1] !== undefined) statuses.set(strip(last[1]), last[2] as TestStatus);
    else if (first !== null) statuses.set(beforeDuration(first[2]), first[1] as TestStatus);
  }
  return statuses;
}

function beforeDuration(text = ''): string {
  return strip(text.split(' in ', 1)[0] ?? '');
}

const ATTRIBUTE = pythonPattern(String.raw`(?<!\w)(\w+)="([^"]*)"`, 'g');
const CLOSE = '</testcase>';

/** JUnit's `<testcase>` tags anywhere in a log; id is class and name. */
function parseJunitTags(log: string): StatusMap {
  const statuses = new Map<string, TestStatus>();
  let closes = true;
  let at = 0;
  for (;;) {
    const open = log.indexOf('<testcase', at);
    const end = open === -1 ? -1 : log.indexOf('>', open);
    if (end === -1) return statuses;
    const attributes = log.slice(open + '<testcase'.length, end);
    at = end + 1;
    if (/^[\p{L}\p{N}_]/u.test(attributes)) {
      at = open + 1;
      continue;
    }
    const values = new Map([...attributes.matchAll(ATTRIBUTE)].map((match) => [match[1], match[2] ?? '']));
    const name = values.get('name');
    if (name === undefined || name === '') continue;
    let content = '';
    if (!strip(attributes).endsWith('/')) {
      const close: number = closes ? log.indexOf(CLOSE, at) : -1;
      closes = close !== -1;
      // a tag that is never closed: its first 4096 characters, as the official parser takes
      content = log.slice(at, closes ? close : at + 4096);
      if (closes) at = close + CLOSE.length;
    }
    const owner = values.get('classname') ?? '';
    statuses.set(owner === '' ? name : strip(`${owner} ${name}`), junitStatus(content));
  }
}

function junitStatus(content: string): TestStatus {
  if (content.includes('<failure')) return 'FAILED';
  if (content.includes('<error')) return 'ERROR';
  return content.includes('<skipped') ? 'SKIPPED' : 'PASSED';
}
