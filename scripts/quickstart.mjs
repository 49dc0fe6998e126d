// The whole path on the bundled sample benchmark: gold patches, then a file of mixed predictions.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import './ensure.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function assay(title, args) {
  console.log(`\n== ${title}\n$ assay ${args.join(' ')}\n`);
  const { status } = spawnSync(process.execPath, [join(root, 'dist/src/cli/main.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('No python3 here: the sample repository in Python is left out.');
const choice = hasPython ? [] : ['--repo', 'assay-sample/tabula', '--repo', 'assay-sample/tempo'];
const fresh = (name) =>
  `${name}-${new Date()
    .toISOString()
    .replace(/[^0-9]/g, '')
    .slice(0, 14)}`;
assay('The gold patches: every instance must resolve', [
  'eval',
  'sample',
  '--gold',
  ...choice,
  '--run-id',
  fresh('quickstart-gold'),
]);
const mixed = fresh('quickstart-mixed');
assay('Mixed predictions: right, wrong, malformed, empty, timing out', [
  ...[
    'eval',
    'sample',
    '-p',
    'datasets/sample/predictions/mixed.jsonl',
    '-t',
    '5',
    ...choice,
    '--run-id',
    mixed,
  ],
]);
console.log(
  `\nNext: assay show runs/${mixed}   (npx assay, or node dist/src/cli/main.js)\nSWE-bench Verified for real: see README.md`,
);
