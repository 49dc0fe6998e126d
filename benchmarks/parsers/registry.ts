import { AssayError, type LogParser } from '../../src/index.js';
import { parseDjango } from './django.js';
import { parseDoctest } from './doctest.js';
import { mavenParser, parseGradle4, parseGradle5, parseGradleRebench } from './java.js';
import { jest5, LINE_RULES, lineParser } from './lines.js';
import { ALIASES, IMMUTABLE_JS, JEKYLL, REPOS } from './names.js';
import { parseNodeTap } from './node-tap.js';
import {
  type Dialect,
  plainMouseButtons,
  pytestParser,
  pytestV2Parser,
  seabornParser,
  shortenPathOption,
} from './pytest.js';
import { REBENCH_2, REBENCH_2_ALIASES } from './rebench-2.js';
import {
  parseJestFiles,
  parseJestFilesRebench,
  parseKarma,
  parseNumberedFailures,
  phpunitParser,
} from './suites.js';
import { sympyParser } from './sympy.js';
import { withoutBracketTime } from './timing.js';
import { parseUnittest } from './unittest.js';

/** Which release of the official parsers is meant. */
export type ParserSet = 'swe-bench-5' | 'swe-bench-4' | 'swe-rebench-2';

const DIALECTS: Record<ParserSet, Dialect> = {
  'swe-bench-5': { v5: true, xfail: true },
  'swe-bench-4': { v5: false, xfail: true },
  'swe-rebench-2': { v5: false, xfail: false },
};

/** The parser of a name (`parse_log_pytest`) or a repository (`psf/requests`); throws `unknown_log_parser` with the known names. */
export function parserFinder(set: ParserSet): (name: string) => LogParser {
  const parsers = parsersOf(set);
  return (name) => {
    const parser = parsers.get(name);
    if (parser !== undefined) return parser;
    const known = [...parsers.keys()].sort().join(', ');
    throw new AssayError(
      'unknown_log_parser',
      `No log parser is named ${JSON.stringify(name.slice(0, 80))} in ${set}.`,
      {
        detail: `Known: ${known}`,
      },
    );
  };
}

/** The names that a set knows, repositories included. */
export function parserNames(set: ParserSet): readonly string[] {
  return [...parsersOf(set).keys()];
}

function parsersOf(set: ParserSet): ReadonlyMap<string, LogParser> {
  const rebench = set === 'swe-rebench-2';
  const dialect = DIALECTS[set];
  const lines = Object.entries(LINE_RULES).map(([name, rule]) => [name, lineParser(rule)] as const);
  const parsers = new Map<string, LogParser>([
    ...lines,
    ['parse_log_pytest', pytestParser(dialect)],
    ['parse_log_pytest_options', pytestParser(dialect, shortenPathOption)],
    ['parse_log_pytest_v2', pytestV2Parser(dialect)],
    ['parse_log_django', parseDjango],
    ['parse_log_matplotlib', pytestParser(dialect, plainMouseButtons)],
    ['parse_log_seaborn', seabornParser(dialect)],
    ['parse_log_sympy', sympyParser({ bracketedSummary: rebench })],
    // Not official: the bundled sample benchmark's.
    ['parse_log_node_tap', parseNodeTap],
    ['parse_log_unittest', parseUnittest],
    ['parse_log_maven', mavenParser({ queue: dialect.v5 })],
    ['parse_log_gradle_custom', rebench ? parseGradleRebench : dialect.v5 ? parseGradle5 : parseGradle4],
    ['parse_log_phpunit', phpunitParser(rebench ? withoutBracketTime : (name) => name)],
    ['parse_log_karma', parseKarma],
    ['parse_log_react_pdf', rebench ? parseJestFilesRebench : parseJestFiles],
    ['parse_log_marked', parseNumberedFailures],
    ['parse_log_doctest', parseDoctest],
  ]);
  if (dialect.v5) parsers.set('parse_log_jest', lineParser(jest5));
  if (rebench) for (const [name, parser] of Object.entries(REBENCH_2)) parsers.set(name, parser);
  else {
    parsers.set('parse_log_jekyll', byPullRequest(JEKYLL, parsers));
    parsers.set('parse_log_immutable_js', byPullRequest(IMMUTABLE_JS, parsers));
  }
  for (const [alias, name] of [
    ...Object.entries(ALIASES),
    ...Object.entries(rebench ? REBENCH_2_ALIASES : REPOS),
  ]) {
    const parser = parsers.get(name);
    if (parser !== undefined) parsers.set(alias, parser);
  }
  return parsers;
}

/** A parser chosen by the number at the end of the instance id; the official one stops at any other number. */
function byPullRequest(
  names: Readonly<Record<string, string>>,
  parsers: ReadonlyMap<string, LogParser>,
): LogParser {
  return (log, instanceId) => {
    const number = instanceId.slice(instanceId.lastIndexOf('-') + 1);
    return parsers.get(names[number] ?? '')?.(log, instanceId);
  };
}
