/** Names of the copies of a test, where it has any: unchanged ones, and those that claim the opposite in one place. */
interface Copies {
  readonly twins?: readonly string[];
  readonly mutants?: readonly string[];
}

/** A test whose assertions were turned into their opposite: a Python function, or a test of node:test by its title. */
export type InvertedTest = Copies &
  (
    | {
        /** Path of its file in the tree. */
        readonly file: string;
        /** Names of the classes around it, outermost first. */
        readonly classes: readonly string[];
        readonly name: string;
        /** First line of its docstring: unittest shows that instead of a name. */
        readonly doc?: string;
      }
    | { readonly file: string; readonly title: string }
  );

/** What `src/container/inverter` makes of the tests of an instance. */
export interface InvertedTests {
  readonly tests: readonly InvertedTest[];
  /** Gives the inverted files in place of the official test patch. */
  readonly testPatch: string;
}

/** How official scripts hand the test patch to git. */
const HERE_DOCUMENT = /(<<'EOF_114329324912'\n)([\s\S]*?)(\nEOF_114329324912\n)/;

/** The test patch that an eval script applies, or undefined where it has none in the form of the official Python scripts. */
export function testPatchOf(evalScript: string): string | undefined {
  const found = HERE_DOCUMENT.exec(evalScript)?.[2];
  return found === undefined ? undefined : `${found}\n`;
}

/** The same script with another test patch. */
export function withTestPatch(evalScript: string, testPatch: string): string {
  const body = testPatch.replace(/\n$/, '');
  return evalScript.replace(
    HERE_DOCUMENT,
    (_, start: string, _old: string, end: string) => start + body + end,
  );
}

/**
 * The files that an official script sets back to their commit before the tests run. None where one of them isn't among `old`, files that the commit has: git then
 * sets nothing back.
 */
export function resetPathsOf(evalScript: string, old: ReadonlySet<string>): ReadonlySet<string> {
  const paths = /^git checkout [0-9a-f]{7,64} ([^\n]+)$/m.exec(evalScript)?.[1]?.split(' ') ?? [];
  return new Set(paths.every((path) => old.has(path)) ? paths : []);
}

/** The commit that an official script sets test files back to. */
export function resetCommitOf(evalScript: string): string {
  return /^git checkout ([0-9a-f]{7,64})\b/m.exec(evalScript)?.[1] ?? 'HEAD';
}

/**
 * Of the expected tests, those that are inverted ones: ids of pytest (`path::Class::name[...]`), unittest (`name (module.Class)`,
 * `module.Class.name`, or the first line of a docstring), sympy (`name`) and node:test (`describe > title`).
 */
export function invertedIds(ids: readonly string[], inverted: readonly InvertedTest[]): readonly string[] {
  return ids.filter((id) => inverted.some((test) => isOf(id, test)));
}

/** Ids of one kind of copies of expected tests; docstrings, as ids, have none. */
export function copyIds(
  ids: readonly string[],
  tests: readonly InvertedTest[],
  kind: keyof Copies,
): readonly string[] {
  return ids.flatMap((id) => {
    const test = tests.find((one) => isOf(id, one));
    return test === undefined ? [] : (test[kind] ?? []).flatMap((copy) => copyId(id, test, copy) ?? []);
  });
}

function copyId(id: string, test: InvertedTest, copy: string): string | undefined {
  if ('title' in test) return id.slice(0, id.length - test.title.length) + copy;
  const { name, doc } = test;
  if (id === doc) return undefined;
  if (id.includes('::')) return id.replace(new RegExp(`::${name}(?=\\[|$)`), `::${copy}`);
  // `name`, `name (module.Class)`, `name (module.Class.name)`, `module.Class.name`
  return id.replace(new RegExp(`^${name}(?=$| )|(?<=\\.)${name}(?=\\)?$)`, 'g'), copy);
}

function isOf(id: string, test: InvertedTest): boolean {
  if ('title' in test) return id === test.title || id.endsWith(` > ${test.title}`);
  const { file, classes, name, doc } = test;
  const [path = '', ...rest] = id.split('::');
  if (rest.length > 0) {
    const parts = rest.join('::').split('[', 1)[0];
    return path === file && parts === [...classes, name].join('::');
  }
  if (doc !== undefined && id === doc) return true;
  const words = id.split(/[^\w]+/);
  return words.includes(name) && classes.every((around) => words.includes(around));
}
