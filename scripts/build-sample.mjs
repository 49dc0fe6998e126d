// Makes datasets/sample/instances.jsonl from the repositories and instance folders beside it. Run `npm run build` first.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parserFinder } from '../dist/benchmarks/parsers/registry.js';
import { buildSample } from '../dist/datasets/sample/build.js';

const folder = fileURLToPath(new URL('../datasets/sample', import.meta.url));
const findParser = parserFinder('swe-bench-5');
const rows = await buildSample({ folder, path: process.env.PATH ?? '', findParser, repeats: 3 });
await writeFile(join(folder, 'instances.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
console.log(`${rows.length} instances`);
