// Makes the Python environment of the trainer (`npm run trainer:setup`): $ASSAY_CACHE or ~/.cache/assay, trainer/<first 12 of the sha256 of
// plugins/trainer/python/requirements.txt>. `--test` adds what the tests compare with. Done once; two that run at once wait for one another.
// Exit codes: 0 it is ready, 1 it could not be made, 2 usage, 3 what it needs (Python, a package index, disk space) isn't here.
// Needs Node alone: nothing from node_modules may be imported here.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const FAILED = 1;
const USAGE = 2;
const NOT_HERE = 3;
/** As torch asks for. */
const LEAST_PYTHON = [3, 11];
const BEAT_MS = 5000;
/** A lock that nobody touched for so long belongs to somebody who is gone. */
const STALE_MS = 60_000;

class Stop extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const sources = join(dirname(fileURLToPath(import.meta.url)), '..', 'plugins', 'trainer', 'python');
const REQUIREMENTS = join(sources, 'requirements.txt');
const TEST_REQUIREMENTS = join(sources, 'requirements-test.txt');
const { env } = process;
const say = (words) => console.error(words);
const digest = async (path) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
    .slice(0, 12);

/** Runs a program, shows what it says and keeps the end of it. Code 127: there is no such program. */
function run(program, args, { isShown = true, more = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        if (isShown) process.stderr.write(chunk);
        if (stream === child.stdout) out = (out + chunk).slice(-65_536);
        said = (said + chunk).slice(-65_536);
      });
    child.once('error', ({ message }) => resolve({ code: 127, out, said: message }));
    child.once('close', (code) => resolve({ code: code ?? FAILED, out, said }));
  });
}

async function readReady(folder) {
  try {
    return JSON.parse(await readFile(join(folder, 'ready'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Does the work while nobody else does it in that folder. */
async function locked(folder, work) {
  const lock = `${folder}.lock`;
  await mkdir(dirname(folder), { recursive: true });
  for (let isFirst = true; ; isFirst = false) {
    try {
      await mkdir(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > STALE_MS) {
      say(`Taking over from one that is gone (${lock}).`);
      // Renamed first: of two that see this, one alone can.
      await rename(lock, `${lock}.${process.pid}`).then(
        () => rm(`${lock}.${process.pid}`, { recursive: true }),
        () => undefined,
      );
      continue;
    }
    if (isFirst) say('Waiting for another trainer:setup that runs now ...');
    await sleep(500);
  }
  const beat = setInterval(() => utimes(lock, new Date(), new Date()).catch(() => undefined), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(lock, { recursive: true, force: true });
  }
}

async function findPython() {
  const found = [];
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    const { code, out } = await run(name, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
      isShown: false,
    });
    const [major, minor] = out.trim().split('.').map(Number);
    if (code !== 0 || !(major >= 3)) continue;
    if (major > LEAST_PYTHON[0] || minor >= LEAST_PYTHON[1]) return name;
    found.push(`${name} is ${major}.${minor}`);
  }
  return { found };
}

/** Makes an empty environment; gives the uv to install with, if there is one. */
async function makeEmpty(folder) {
  const least = LEAST_PYTHON.join('.');
  await rm(folder, { recursive: true, force: true });
  const python = await findPython();
  const hasUv = (await run('uv', ['--version'], { isShown: false })).code === 0;
  if (hasUv) {
    say('Making an environment with uv ...');
    const choice = typeof python === 'string' ? python : `>=${least}`;
    if ((await run('uv', ['venv', '--seed', '--python', choice, folder])).code === 0) return 'uv';
  }
  if (typeof python !== 'string') {
    const which = python.found.length === 0 ? 'there is none on PATH' : python.found.join(', ');
    throw new Stop(
      NOT_HERE,
      `The trainer needs Python ${least} or later: ${which}.\nInstall one (or uv, which brings its own), then run this again.`,
    );
  }
  say(`Making an environment with ${python} ...`);
  const made = await run(python, ['-m', 'venv', folder]);
  if (made.code !== 0)
    throw new Stop(
      NOT_HERE,
      `${python} can't make environments.\nInstall its venv module (Debian: apt-get install python3-venv), or uv, then run this again.`,
    );
  say('Installing uv into it ...');
  const uv = await run(pythonOf(folder), ['-m', 'pip', 'install', '--quiet', 'uv']);
  return uv.code === 0 ? join(folder, 'bin', 'uv') : undefined;
}

const pythonOf = (folder) => join(folder, 'bin', 'python');

/** The CUDA or the CPU build, as the machine has it; else what the package index gives, which runs on both. */
async function install(folder, uv, files) {
  const requirements = files.flatMap((file) => ['-r', file]);
  const python = pythonOf(folder);
  const withUv = ['pip', 'install', '--python', python, ...requirements];
  // uv doesn't read pip's settings.
  const more = {
    ...(env.PIP_CERT && !env.SSL_CERT_FILE ? { SSL_CERT_FILE: env.PIP_CERT } : {}),
    ...(env.PIP_INDEX_URL && !env.UV_DEFAULT_INDEX ? { UV_DEFAULT_INDEX: env.PIP_INDEX_URL } : {}),
  };
  const ways = [
    ...(uv === undefined
      ? []
      : [
          ["PyTorch's own index, for this machine's device", uv, [...withUv, '--torch-backend', 'auto']],
          ['the package index (uv)', uv, withUv],
        ]),
    ['the package index (pip)', python, ['-m', 'pip', 'install', ...requirements]],
  ];
  let said = '';
  for (const [from, program, args] of ways) {
    say(`Installing from ${from} ...`);
    const result = await run(program, args, { more });
    if (result.code === 0) return;
    said = result.said;
    if (/No space left on device/i.test(said))
      throw new Stop(
        NOT_HERE,
        `The disk of ${folder} is full: with CUDA the packages take about 6 GB.\nFree space, or set XDG_CACHE_HOME to another disk, then run this again.`,
      );
  }
  if (/resolve|unreachable|connect|timed? ?out|Could not find a version|network/i.test(said))
    throw new Stop(
      NOT_HERE,
      'No package index gave the packages.\nCheck the network (PIP_INDEX_URL names a mirror, HTTPS_PROXY a proxy), then run this again.',
    );
  throw new Stop(FAILED, 'The packages could not be installed: the reason is above.');
}

/** Python that is read anew takes seconds more at each start: uv leaves it so, and some machines never write what they compiled. */
async function compile(folder) {
  say('Compiling ...');
  // Some packages hold files for later Pythons, which can't be: no failure.
  await run(pythonOf(folder), ['-m', 'compileall', '-q', '-q', '-j', '0', join(folder, 'lib')], {
    isShown: false,
  });
}

const PROBE = `
import json, platform, torch, transformers, safetensors
cuda = torch.version.cuda if torch.cuda.is_available() else None
device = torch.cuda.get_device_name() if cuda else "cpu"
print(json.dumps({"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
    "safetensors": safetensors.__version__, "cuda": cuda, "device": device}))
`;

async function probe(folder) {
  say('Trying it ...');
  const { code, out } = await run(pythonOf(folder), ['-c', PROBE], { isShown: false });
  if (code !== 0)
    throw new Stop(
      FAILED,
      `The packages are installed and do not work: see ${pythonOf(folder)} -c "import torch, transformers".`,
    );
  return JSON.parse(out.trim().split('\n').at(-1));
}

const shown = (folder, { versions }) =>
  `The trainer's environment is ready: ${folder}\n${Object.entries(versions)
    .map(([name, value]) => `${name} ${value ?? '-'}`)
    .join(', ')}`;

async function main(args) {
  if (args.includes('--help'))
    return say('npm run trainer:setup [-- --test]   --test: also what the tests compare with');
  const unknown = args.find((arg) => arg !== '--test');
  if (unknown !== undefined) throw new Stop(USAGE, `Unknown option ${unknown}: --test is the only one.`);
  const test = args.includes('--test') ? await digest(TEST_REQUIREMENTS) : null;
  const cache = env.ASSAY_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'assay');
  const folder = join(cache, 'trainer', await digest(REQUIREMENTS));
  const isReady = (ready) => ready !== undefined && (test === null || ready.test === test);
  const before = await readReady(folder);
  if (isReady(before)) return say(shown(folder, before));
  await locked(folder, async () => {
    const now = await readReady(folder);
    if (isReady(now)) return say(shown(folder, now));
    const own = join(folder, 'bin', 'uv');
    const uv = now === undefined ? await makeEmpty(folder) : existsSync(own) ? own : undefined;
    await install(folder, uv, test === null ? [REQUIREMENTS] : [REQUIREMENTS, TEST_REQUIREMENTS]);
    await compile(folder);
    const ready = { versions: await probe(folder), test };
    // Last, and whole: who sees it may use the environment.
    await writeFile(join(folder, 'ready.tmp'), JSON.stringify(ready));
    await rename(join(folder, 'ready.tmp'), join(folder, 'ready'));
    say(shown(folder, ready));
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  say(`\n${error instanceof Stop ? error.message : error.stack}`);
  process.exitCode = error instanceof Stop ? error.code : FAILED;
}
