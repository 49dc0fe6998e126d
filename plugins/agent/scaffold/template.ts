import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssayError, packageRoot } from '../../../src/index.js';

/** A text of `prompts/` without its last newline, with each `{{name}}` exchanged for its value; a name without one is our defect. */
export function template(name: string, values: Readonly<Record<string, string>> = {}): string {
  const path = join(packageRoot(), 'plugins', 'agent', 'scaffold', 'prompts', `${name}.md`);
  const text = readFileSync(path, 'utf8').replace(/\n$/, '');
  return text.replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (value === undefined) throw new AssayError('internal', `prompts/${name}.md: no value for ${key}`);
    return value;
  });
}
