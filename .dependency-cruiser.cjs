/** Who may import whom; docs/architecture.md has the picture. */
const only = (from, allowed) => ({
  name: `${from}-imports`,
  severity: 'error',
  from: { path: `^${from}` },
  to: {
    path: '^(src|datasets|benchmarks|reports|plugins)/',
    pathNot: [`^${from}`, ...allowed.map((p) => `^${p}`)],
  },
});
const BASE = ['src/model/', 'src/errors\\.ts', 'src/util/'];
const PURE = ['src/model/', 'src/errors\\.ts'];
const external = (name, pkg, home) => ({
  name,
  severity: 'error',
  from: { path: '^(src|datasets|benchmarks|reports|plugins)/', pathNot: home },
  to: { path: `node_modules/(${pkg})/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('src/model/', []),
    only('src/errors\\.ts', ['src/model/']),
    only('src/util/', ['src/model/', 'src/errors\\.ts']),
    only('src/dataset/', BASE),
    only('src/patch/', BASE),
    only('src/engine/', BASE),
    only('src/image/', [...BASE, 'src/engine/engine\\.ts']),
    only('src/container/', [...BASE, 'src/engine/engine\\.ts']),
    only('src/grade/', PURE),
    only('src/stats/', PURE),
    only('src/integrity/', PURE),
    only('src/strict-instance\\.ts', [
      ...BASE,
      'src/container/',
      'src/patch/',
      'src/grade/',
      'src/integrity/',
      'src/engine/engine\\.ts',
    ]),
    only('src/run-instance\\.ts', [
      ...BASE,
      'src/strict-instance\\.ts',
      'src/image/',
      'src/container/',
      'src/patch/',
      'src/grade/',
      'src/engine/engine\\.ts',
    ]),
    only('src/run/', [
      ...BASE,
      'src/strict-instance\\.ts',
      'src/run-instance\\.ts',
      'src/stats/',
      'src/grade/',
      'src/container/',
      'src/engine/engine\\.ts',
    ]),
    only('src/reward/', PURE),
    only('src/serve/', [
      ...BASE,
      'src/run/',
      'src/run-instance\\.ts',
      'src/reward/',
      'src/patch/',
      'src/engine/engine\\.ts',
    ]),
    only('datasets/swe-bench/', ['src/index\\.ts', 'datasets/row\\.ts']),
    only('datasets/swe-rebench/', ['src/index\\.ts', 'datasets/row\\.ts']),
    only('datasets/sample/', ['src/index\\.ts']),
    only('benchmarks/parsers/', ['src/index\\.ts']),
    only('benchmarks/python/', ['src/index\\.ts']),
    only('benchmarks/swe-bench/', ['src/index\\.ts', 'benchmarks/parsers/', 'benchmarks/python/']),
    only('benchmarks/swe-rebench/', ['src/index\\.ts', 'benchmarks/parsers/', 'benchmarks/python/']),
    only('benchmarks/sample/', ['src/index\\.ts']),
    only('reports/', ['src/index\\.ts']),
    external('docker-in-one-place', 'dockerode|tar-stream', '^src/(engine/docker|image)/'),
    external('terminal-in-one-place', 'yargs|cli-progress', '^src/cli/'),
    {
      name: 'pure-folders-do-no-io',
      severity: 'error',
      from: { path: '^(src/(grade|stats|model|integrity)/|benchmarks/parsers/|reports/)' },
      to: { dependencyTypes: ['core'], pathNot: '^crypto$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|datasets/sample/repos)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
