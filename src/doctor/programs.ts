import { isOlder } from './engine.js';
import { type Finding, fail, ok, skip, warn } from './finding.js';

/** Where `git init --object-format` came. */
const LEAST_GIT = '2.29';

/** Node, by what package.json asks for: `>=20.19`. */
export function judgeNode(version: string, engines: string): Finding {
  const least = engines.replace('>=', '');
  return isOlder(version, least)
    ? fail(
        `${version} is too old`,
        `Install Node ${least} or newer: https://nodejs.org, or \`nvm install --lts\`.`,
      )
    : ok(version);
}

/** `git version 2.39.5`; undefined: not on PATH. */
export function judgeGit(said: string | undefined): Finding {
  const install = `Install git ${LEAST_GIT} or newer (\`sudo apt install git\`, \`brew install git\`), and put it on PATH.`;
  if (said === undefined) return fail('not on PATH', install);
  const version = /\d+(\.\d+)+/.exec(said)?.[0];
  if (version === undefined) return fail(`git --version says ${JSON.stringify(said)}`, install);
  return isOlder(version, LEAST_GIT) ? fail(`${version} is too old`, install) : ok(version);
}

/** `Python 3.11.2`; undefined: not on PATH. `isNeeded`: tests of the dataset run with it on this machine. */
export function judgePython(said: string | undefined, isNeeded: boolean): Finding {
  if (said !== undefined) return ok(said.replace(/^Python /, ''));
  return isNeeded
    ? fail(
        'no python3 on PATH: the Python repository of the sample benchmark fails',
        'Install it (`sudo apt install python3`), or leave that repository out: --repo assay-sample/tabula --repo assay-sample/tempo.',
      )
    : skip('no python3 on PATH; `assay train` and clients of `assay serve` need one');
}

/** Whether `npm run trainer:setup` was done. */
export function judgeTrainer(isReady: boolean): Finding {
  return isReady ? ok('set up') : skip('not set up; `npm run trainer:setup` before `assay train`');
}

/** What nvidia-smi says. */
export type Gpu =
  | { readonly kind: 'found'; readonly names: readonly string[] }
  | { readonly kind: 'none' }
  /** A driver is loaded, or its tool is there, and doesn't work. */
  | { readonly kind: 'broken'; readonly words: string };

export function judgeGpu(gpu: Gpu): Finding {
  if (gpu.kind === 'found') return ok(gpu.names.join('; '));
  if (gpu.kind === 'none') return skip('none: evaluation needs none, training runs on the CPU');
  return warn(
    `nvidia-smi fails: ${gpu.words}`,
    'Driver and kernel must fit: reboot, or install the driver again. Training runs on the CPU until then.',
  );
}
