/** Names of log parsers by language, from the registry of SWE-bench 5.0.2; all others are for Python. */
const PARSERS: Readonly<Record<string, readonly string[]>> = {
  javascript: [
    ...[
      'calypso',
      'bpmn_js',
      'carbon',
      'eslint',
      'grommet',
      'highlightjs',
      'lighthouse',
      'next',
      'openlayers',
    ],
    ...[
      'prismjs',
      'quarto_cli',
      'chart_js',
      'marked',
      'p5js',
      'react_pdf',
      'jest',
      'jest_json',
      'vitest',
      'karma',
    ],
    ...['tap', 'immutable_js'],
  ],
  c: ['redis', 'jq', 'micropython_test'],
  'c++': ['doctest', 'googletest'],
  go: ['gotest'],
  java: ['maven', 'ant', 'gradle_custom'],
  php: ['phpunit'],
  ruby: ['minitest', 'cucumber', 'ruby_unit', 'rspec_transformed_json', 'jekyll'],
  rust: ['cargo'],
};
const LANGUAGES = new Map(
  Object.entries(PARSERS).flatMap(([language, names]) =>
    names.map((name) => [`parse_log_${name}`, language]),
  ),
);

/** The language that a log parser's name tells; published rows don't name it. */
export function languageOf(logParser: string): string {
  return LANGUAGES.get(logParser) ?? 'python';
}
