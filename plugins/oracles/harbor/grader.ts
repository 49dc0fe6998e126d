import { posix } from 'node:path';
import { AssayError, type GradeTarget } from '../../../src/index.js';

/** Module path -> its text. */
type Modules = ReadonlyMap<string, string>;

const IMPORT = /^(?:import|export)\b[^;'"]*?from '([^']+)';$|^import '([^']+)';$/gm;
/** The public API loads far more than grading takes; this is what the benchmarks have of it at run time. */
const INDEX = 'src/index.js';
const PART_OF_INDEX = `export { AssayError } from './errors.js';
export { gradeWith } from './grade/grade.js';
`;

interface GraderOptions {
  /** The compiled module of the grading profile, and its name there. */
  readonly module: string;
  readonly profile: string;
  /** Reads a compiled module by its path from the root of the compiled code. */
  readonly read: (path: string) => Promise<string>;
}

/** What runs in a task's box with node: the modules of a profile as they are, and all that they import. */
export async function graderModules({ module, profile, read }: GraderOptions): Promise<Modules> {
  const found = new Map<string, string>();
  const todo = [module];
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    if (found.has(path)) continue;
    const text = path === INDEX ? PART_OF_INDEX : await read(path);
    found.set(path, text);
    for (const [, ...names] of text.matchAll(IMPORT))
      todo.push(resolved(path, names.find((name) => name !== undefined) ?? ''));
  }
  return new Map([...found, ['package.json', '{"type": "module"}\n'], ['grade.js', main(module, profile)]]);
}

function resolved(from: string, name: string): string {
  if (!name.startsWith('.'))
    throw new AssayError('internal', `${from} imports ${name}: grading in a task has no packages`);
  return posix.join(posix.dirname(from), name);
}

/** What a log is graded against, as `grade.js` reads it. */
export function graderTarget(target: GradeTarget): string {
  const { instanceId, failToPass, passToPass, logParser, evalType } = target;
  return `${JSON.stringify({ instanceId, failToPass, passToPass, logParser, evalType })}\n`;
}

function main(module: string, profile: string): string {
  return `// Prints 1 where the log says that all tests are as they should be, else 0.
import { readFileSync } from 'node:fs';
import { ${profile} as profile } from './${module}';

const target = JSON.parse(readFileSync(new URL('target.json', import.meta.url), 'utf8'));
const log = new TextDecoder('utf-8', { ignoreBOM: true }).decode(readFileSync(process.argv[2]));
console.log(profile.grade(log, target).resolved ? 1 : 0);
`;
}
