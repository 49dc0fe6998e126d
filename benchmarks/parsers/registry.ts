import { AssayError, type LogParser } from '../../src/index.js';
import { parseDjango } from './django.js';
import { parseNodeTap } from './node-tap.js';
import {
  type Dialect,
  plainMouseButtons,
  pytestParser,
  pytestV2Parser,
  seabornParser,
  shortenPathOption,
} from './pytest.js';
import { sympyParser } from './sympy.js';
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
    throw new AssayError('unknown_log_parser', `No log parser is named ${JSON.stringify(name)} in ${set}.`, {
      detail: `Known: ${known}`,
    });
  };
}

/** The names that a set knows, repositories included. */
export function parserNames(set: ParserSet): readonly string[] {
  return [...parsersOf(set).keys()];
}

function parsersOf(set: ParserSet): ReadonlyMap<string, LogParser> {
  const dialect = DIALECTS[set];
  const pytest = pytestParser(dialect);
  const options = pytestParser(dialect, shortenPathOption);
  const v2 = pytestV2Parser(dialect);
  const parsers = new Map<string, LogParser>([
    ['parse_log_pytest', pytest],
    ['parse_log_pytest_options', options],
    ['parse_log_pytest_v2', v2],
    ['parse_log_django', parseDjango],
    ['parse_log_matplotlib', pytestParser(dialect, plainMouseButtons)],
    ['parse_log_seaborn', seabornParser(dialect)],
    ['parse_log_sympy', sympyParser({ bracketedSummary: set === 'swe-rebench-2' })],
    // Not official: the bundled sample benchmark's.
    ['parse_log_node_tap', parseNodeTap],
    ['parse_log_unittest', parseUnittest],
  ]);
  for (const [alias, repo, target] of ALIASES) {
    const parser = parsers.get(target);
    if (parser === undefined) continue;
    parsers.set(alias, parser).set(repo, parser);
  }
  return parsers;
}

/** Other names of the parsers, and the repositories that use them. */
const ALIASES: readonly (readonly [alias: string, repo: string, target: string])[] = [
  ['parse_log_astroid', 'pylint-dev/astroid', 'parse_log_pytest'],
  ['parse_log_flask', 'pallets/flask', 'parse_log_pytest'],
  ['parse_log_marshmallow', 'marshmallow-code/marshmallow', 'parse_log_pytest'],
  ['parse_log_pvlib', 'pvlib/pvlib-python', 'parse_log_pytest'],
  ['parse_log_pytest', 'pytest-dev/pytest', 'parse_log_pytest'],
  ['parse_log_pyvista', 'pyvista/pyvista', 'parse_log_pytest'],
  ['parse_log_sqlfluff', 'sqlfluff/sqlfluff', 'parse_log_pytest'],
  ['parse_log_xarray', 'pydata/xarray', 'parse_log_pytest'],
  ['parse_log_pydicom', 'pydicom/pydicom', 'parse_log_pytest_options'],
  ['parse_log_pylint', 'pylint-dev/pylint', 'parse_log_pytest_options'],
  ['parse_log_requests', 'psf/requests', 'parse_log_pytest_options'],
  ['parse_log_astropy', 'astropy/astropy', 'parse_log_pytest_v2'],
  ['parse_log_scikit', 'scikit-learn/scikit-learn', 'parse_log_pytest_v2'],
  ['parse_log_sphinx', 'sphinx-doc/sphinx', 'parse_log_pytest_v2'],
  ['parse_log_django', 'django/django', 'parse_log_django'],
  ['parse_log_matplotlib', 'matplotlib/matplotlib', 'parse_log_matplotlib'],
  ['parse_log_seaborn', 'mwaskom/seaborn', 'parse_log_seaborn'],
  ['parse_log_sympy', 'sympy/sympy', 'parse_log_sympy'],
];
