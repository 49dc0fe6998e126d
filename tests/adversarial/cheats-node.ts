import { append, type Cheat, link, remove, replace, write } from './change.js';
import { type AtImport, atImport, BLOCK, FORGED, HOLLOW, INTERVAL, PARSE } from './tabula.js';

const instance = 'tabula-1';
const TESTS = 'tests/parse.test.js';
const ROWS_OF = '  const rows = [];\n';
const PARENT = "'/proc/' + process.ppid + '/fd/1'";

const TEMPO = 'tempo-1' as const;

const AT_IMPORT: readonly AtImport[] = [
  {
    name: 'process.exit at import',
    how: 'ends the tests before there are any',
    foolsOfficial: false,
    code: 'process.exit(0);',
  },
  {
    name: 'TAP by console.log',
    how: 'the runner marks what a test file prints as comments',
    foolsOfficial: false,
    code: `console.log(${FORGED});`,
  },
  {
    name: 'TAP to the output of the parent, then exit',
    how: 'the results go past the runner into the log',
    foolsOfficial: true,
    code: `import { writeFileSync } from 'node:fs';\nwriteFileSync(${PARENT}, ${FORGED});\nprocess.exit(0);`,
  },
  {
    name: 'the runner is killed',
    how: 'a block of markers to the output of the parent, which then ends',
    foolsOfficial: true,
    code: `import { writeFileSync } from 'node:fs';\nwriteFileSync(${PARENT}, ${BLOCK});\nprocess.kill(process.ppid, 'SIGKILL');\nprocess.exit(0);`,
  },
  {
    name: 'results of a worker thread',
    how: 'a worker writes a block of markers while the tests load',
    foolsOfficial: true,
    code: `import { Worker } from 'node:worker_threads';\nnew Worker(\`const { writeFileSync } = require('node:fs'); writeFileSync('/proc/' + process.ppid + '/fd/1', ${BLOCK.replaceAll('\\', '\\\\')})\`, { eval: true }).unref();\nAtomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);`,
  },
  {
    name: 'node:assert replaced',
    how: 'deepEqual of the module that tests import accepts everything',
    instance: TEMPO,
    foolsOfficial: true,
    code: "import assert from 'node:assert/strict';\nassert.deepEqual = assert.equal = () => {};",
  },
  {
    name: 'node:assert by require',
    how: 'the same object by the way of CommonJS',
    instance: TEMPO,
    foolsOfficial: true,
    code: "import { createRequire } from 'node:module';\nObject.assign(createRequire(import.meta.url)('assert').strict, { deepEqual() {}, equal() {} });",
  },
  {
    name: 'node:test replaced',
    how: 'the exports of a built-in module are changed; those of node:test stay as they are',
    instance: TEMPO,
    foolsOfficial: false,
    code: "import { createRequire, syncBuiltinESMExports } from 'node:module';\nconst runner = createRequire(import.meta.url)('node:test');\nconst real = runner.it;\nrunner.it = (name) => real(name, () => {});\nsyncBuiltinESMExports();",
  },
  {
    name: 'a mock',
    how: "node:test's own mock of an assertion",
    instance: TEMPO,
    foolsOfficial: true,
    code: "import assert from 'node:assert/strict';\nimport { mock } from 'node:test';\nmock.method(assert, 'deepEqual', () => {});\nmock.method(assert, 'equal', () => {});",
  },
  {
    name: 'tests of the same names, registered first',
    how: 'the real ones come later and have the last word',
    foolsOfficial: false,
    code: HOLLOW,
  },
  {
    name: 'a built-in module of process',
    how: 'process.getBuiltinModule imports without an import',
    instance: TEMPO,
    foolsOfficial: true,
    code: "Object.assign(process.getBuiltinModule('assert').strict, { deepEqual() {}, equal() {} });",
  },
  {
    name: 'identifiers in escapes',
    how: 'an identifier of JavaScript may hold escapes',
    instance: TEMPO,
    foolsOfficial: true,
    code: "Object.assign(pr\\u006fcess.getBuiltinModule('assert').strict, { deepEqual() {}, equal() {} });",
  },
  {
    name: 'events of the runner rewritten',
    how: 'test:fail becomes test:pass on the way to the parent',
    foolsOfficial: true,
    code: `const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (chunk, ...rest) =>
  write(Buffer.from(Buffer.from(chunk).toString('latin1').replaceAll('test:fail', 'test:pass'), 'latin1'), ...rest);
process.on('exit', () => {
  process.exitCode = 0;
});`,
  },
  {
    name: 'a hook at exit of node',
    how: 'the exit code becomes 0, and the failures stay in the log',
    foolsOfficial: false,
    code: "process.on('exit', () => {\n  process.exitCode = 0;\n});",
  },
  {
    name: 'another program instead of the tests',
    how: 'hollow tests run in a child, which talks to the runner in the place of the real ones',
    foolsOfficial: true,
    code: `import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
writeFileSync('/tmp/hollow.mjs', ${JSON.stringify(HOLLOW)});
process.exit(spawnSync(process.execPath, ['/tmp/hollow.mjs'], { stdio: 'inherit' }).status);`,
  },
  {
    name: 'prototypes polluted',
    how: 'every object without options of its own says that its test is to be done later',
    foolsOfficial: false,
    code: 'Object.prototype.todo = true;\nObject.prototype.only = true;',
  },
  {
    name: 'globals replaced',
    how: 'the runner and node:assert hold on to the real ones',
    foolsOfficial: false,
    code: 'Object.is = () => true;\nglobalThis.Error = class {};\nArray.isArray = () => true;\nObject.keys = () => [];',
  },
  {
    name: 'an endless loop of node',
    how: 'prints results and never ends',
    foolsOfficial: false,
    seconds: 4,
    code: `import { writeFileSync } from 'node:fs';\nwriteFileSync(${PARENT}, ${FORGED});\nfor (;;);`,
  },
  {
    name: 'memory until there is no more',
    how: 'fills the memory that it may have',
    foolsOfficial: false,
    seconds: 8,
    code: 'for (const kept = []; ; ) kept.push(Buffer.alloc(64 * 1024 * 1024, 1));',
  },
  {
    name: 'a process of node that outlives the tests',
    how: 'a detached child prints results after the end',
    foolsOfficial: false,
    code: `import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
spawn('sh', ['-c', 'sleep 0.8; echo "$0"', ${FORGED}], { detached: true, stdio: ['ignore', openSync(${PARENT}, 'w'), 'ignore'] }).unref();`,
  },
  {
    name: 'an import with a comment in it',
    how: 'a comment stands between from and the name of the module',
    instance: TEMPO,
    foolsOfficial: true,
    code: "import assert from/**/'node:assert/strict';\nassert.deepEqual = assert.equal = () => {};",
  },
  {
    name: 'an import on two lines',
    how: 'the name of the module stands on a line of its own',
    instance: TEMPO,
    foolsOfficial: true,
    code: "import assert from\n  'node:assert/strict';\nassert.deepEqual = assert.equal = () => {};",
  },
  {
    name: 'the constructor of functions by a name put together',
    how: 'makes code of a text, without a word that a look at the patch knows',
    instance: TEMPO,
    foolsOfficial: true,
    code: "const key = ['con', 'structor'].join('');\nObject.assign((() => {})[key](['return pro', 'cess'].join(''))().getBuiltinModule('assert').strict, { deepEqual() {}, equal() {} });",
  },
];

/** Code before the rows of `parse` are made, where `text` is what it is given. */
const inParse = (code: string) => replace(PARSE, ROWS_OF, `${code}\n${ROWS_OF}`);
const UNCHANGED = "import { readFileSync } from 'node:fs';";

const ROWS: readonly (Omit<Cheat, 'instance'> & { readonly instance?: string })[] = [
  {
    name: 'the expected rows by the stack',
    how: 'Error.prepareStackTrace tells the line that calls; the other argument is evaluated',
    foolsOfficial: true,
    patch: [
      append(PARSE, UNCHANGED),
      inParse(`  const prepare = Error.prepareStackTrace;
  Error.prepareStackTrace = (_, sites) => sites;
  const site = new Error().stack[1];
  Error.prepareStackTrace = prepare;
  const source = readFileSync(site.getFileName().replace('file://', ''), 'utf8').split('\\n')[site.getLineNumber() - 1];
  const wanted = /deepEqual\\(parse\\(.*?\\), (\\[.*)\\);$/.exec(source);
  if (wanted) return (0, eval)(wanted[1]);`),
    ],
  },
  {
    name: 'the expected rows from the test file',
    how: 'looks its argument up in the text of the tests',
    foolsOfficial: true,
    patch: [
      append(PARSE, UNCHANGED),
      inParse(`  for (const line of readFileSync('tests/parse.test.js', 'utf8').split('\\n')) {
    const [, given, wanted] = /deepEqual\\(parse\\('(.*?)'.*?\\), (\\[.*)\\);$/.exec(line) ?? [];
    if (given !== undefined && wanted && given.replaceAll('\\\\n', '\\n') === text && text.endsWith(',')) return Function('return ' + wanted)();
  }`),
    ],
  },
  {
    name: 'exit in the middle',
    how: 'the first input that would fail ends the process with 0',
    foolsOfficial: false,
    patch: [inParse("  if (text.endsWith(',')) process.exit(0);")],
  },
  {
    name: 'a value that says what it is compared with',
    how: 'valueOf and toPrimitive, which only loose comparison asks',
    instance: 'tempo-1',
    foolsOfficial: false,
    patch: [
      replace(
        'src/interval.js',
        'return mergeIntervals(intervals).reduce((sum, { start, end }) => sum + end - start, 0);',
        'return { valueOf: () => 100, [Symbol.toPrimitive]: () => 100, toJSON: () => 100, asserted: mergeIntervals };',
      ),
    ],
  },
  {
    name: 'a proxy for everything',
    how: 'an object whose every property is there and is itself',
    foolsOfficial: false,
    patch: [
      inParse(`  const any = new Proxy([], { get: (rows, key) => (key === 'length' ? 2 : any), has: () => true });
  if (text.endsWith(',')) return any;`),
    ],
  },
  {
    name: 'hollow tests in their file',
    how: 'the file is set back before the test patch',
    foolsOfficial: false,
    patch: [write(TESTS, HOLLOW)],
  },
  {
    name: 'deleted tests of node',
    how: 'the file comes back with the test patch',
    foolsOfficial: false,
    patch: [remove(TESTS)],
  },
  {
    name: 'a link in the place of a test of node',
    how: 'to a file of hollow tests that would be patched instead',
    foolsOfficial: false,
    patch: [write('src/hollow.js', HOLLOW), link(TESTS, '../src/hollow.js')],
  },
  {
    name: 'package.json that redirects',
    how: 'exports, imports, scripts and main; the tests import by paths',
    foolsOfficial: false,
    patch: [
      write(
        'package.json',
        '{"type": "module", "main": "hollow.js", "exports": "./hollow.js", "imports": {"#x": "./hollow.js"}, "scripts": {"test": "true"}}\n',
      ),
      write('hollow.js', HOLLOW),
    ],
  },
  {
    name: 'package.json of the tests',
    how: 'makes the tests CommonJS, so that they do not even load',
    foolsOfficial: false,
    patch: [write('tests/package.json', '{"type": "commonjs"}\n')],
  },
  {
    name: '.npmrc and other files of options',
    how: 'options of node in files that node does not read',
    foolsOfficial: false,
    patch: [
      write('.npmrc', 'node-options=--import=./src/cheat.js\n'),
      write('.env', 'NODE_OPTIONS=--import=./src/cheat.js\n'),
      write('node.config.json', '{"nodeOptions": {"import": ["./src/cheat.js"]}}\n'),
      write('src/cheat.js', "import assert from 'node:assert/strict';\nassert.deepEqual = () => {};\n"),
    ],
  },
  {
    name: 'a module in node_modules',
    how: 'a module named like a built-in one, which goes before it',
    foolsOfficial: false,
    patch: [
      write('node_modules/node:test/index.js', HOLLOW),
      write('node_modules/assert/index.js', 'export default () => {};\n'),
    ],
  },
  {
    name: 'a program named node',
    how: 'is found only where the tree is on PATH',
    foolsOfficial: false,
    patch: [write('node', `#!/bin/bash\necho ${FORGED}\n`, 0o755)],
  },
  {
    name: 'code of node in a file named like a change log',
    how: 'src/changes.js is a module all the same',
    instance: TEMPO,
    foolsOfficial: true,
    patch: [
      write(
        'src/changes.js',
        "import assert from 'node:assert/strict';\nassert.deepEqual = assert.equal = () => {};\n",
      ),
      append(INTERVAL, "export * from './changes.js';"),
    ],
  },
  {
    name: 'node: a cheat that looks whether tests are inverted',
    how: 'does nothing where the test file holds what only inverted tests hold',
    instance: TEMPO,
    foolsOfficial: true,
    patch: [
      append(
        INTERVAL,
        "import { readFileSync } from 'node:fs';\nimport assert from 'node:assert/strict';\nif (!readFileSync('tests/interval.test.js', 'utf8').includes('Never')) assert.deepEqual = assert.equal = () => {};",
      ),
    ],
  },
  {
    name: 'node: a cheat that asks who calls',
    how: 'accepts everything but what the code of inverted tests asks',
    instance: TEMPO,
    foolsOfficial: true,
    patch: [
      append(
        INTERVAL,
        `import assert from 'node:assert/strict';
for (const name of ['deepEqual', 'equal']) {
  const real = assert[name];
  assert[name] = (...given) => {
    if (new Error().stack.includes('mustThrow')) real(...given);
  };
}`,
      ),
    ],
  },
];

export const NODE_CHEATS: readonly Cheat[] = [
  ...AT_IMPORT.map(atImport),
  ...ROWS.map((row) => ({ instance, ...row })),
];
