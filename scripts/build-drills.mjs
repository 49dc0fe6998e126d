// Makes the tree and the rows of datasets/sample/drills from its generator. Run `npm run build` first.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parserFinder } from '../dist/benchmarks/parsers/registry.js';
import { buildRows } from '../dist/datasets/sample/build.js';
import { drillSources, drills, drillTree } from '../dist/datasets/sample/drills/drills.js';

const folder = fileURLToPath(new URL('../datasets/sample', import.meta.url));
const findParser = parserFinder('swe-bench-5');
const all = drills();
const tree = join(folder, 'repos', 'drills');
await rm(tree, { recursive: true, force: true });
for (const [path, content] of Object.entries(drillTree(all))) {
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await writeFile(join(tree, path), content);
}
const options = { folder, path: process.env.PATH ?? '', findParser, repeats: 2 };
const rows = await buildRows(drillSources(all), options);
await writeFile(
  join(folder, 'drills', 'instances.jsonl'),
  rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
);
console.log(`${rows.length} instances`);
