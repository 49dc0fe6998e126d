import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { preparedPython } from '../../plugins/trainer/environment.js';
import { hubSettingsFromEnv } from '../dataset/hub.js';
import { judgeDataset, judgeLocalImages } from '../doctor/dataset.js';
import { judgeIsolation, judgeLeftovers } from '../doctor/engine.js';
import { type Check, type Finding, skip } from '../doctor/finding.js';
import { judgeCertificates, judgeClock, judgeHub, judgeProxies } from '../doctor/network.js';
import { judgeGit, judgeGpu, judgeNode, judgePython, judgeTrainer } from '../doctor/programs.js';
import {
  judgeFolder,
  judgeMemory,
  judgeOpenFiles,
  judgeProcesses,
  judgeWorkers,
} from '../doctor/resources.js';
import { packageRoot } from '../util/package.js';
import { hubIdOf, type Wish } from './doctor-dataset.js';
import { dockerChecks, leftoversOf, lookAtDocker } from './doctor-docker.js';
import { capacityOf, gpuOf, lookAtFolder, ownMemory, processLimits, said } from './doctor-machine.js';
import { askHub, certificatesOf, isProxied, proxiesOf } from './doctor-network.js';
import { connectEngine } from './engines.js';
import type { Host } from './host.js';
import { openFilesLimit } from './open-files.js';

/** The checks of a wish, in the order in which they are printed; `close` what they opened when they are over. */
export async function checksFor(
  wish: Wish,
  host: Host,
): Promise<{ readonly checks: readonly Check[]; readonly close: () => Promise<void> }> {
  const docker = wish.engineName === 'docker' ? lookAtDocker(host) : undefined;
  const engine = docker?.engine ?? (await connectEngine('local', host)).engine;
  const capacity = capacityOf(docker?.state);
  const { env } = host;
  const checks: readonly Check[] = [
    check('node', async () => judgeNode(process.versions.node, neededNode())),
    check('git', async (signal) => judgeGit(await said(['git', '--version'], { env, signal }))),
    ...dataChecks(wish, host, docker?.skew),
    ...(docker === undefined
      ? [
          check('engine', async () => judgeIsolation(await engine.info())),
          check('leftovers', async () => judgeLeftovers(await leftoversOf(engine), 'local')),
          check('images', async () => localImages(wish)),
        ]
      : dockerChecks({ ...wish, docker, capacity }, host)),
    check('runs', async () =>
      judgeFolder(await lookAtFolder(resolve(host.cwd, 'runs'), host), {
        needBytes: 2 ** 30,
        elsewhere: 'work in another folder (-o names one)',
      }),
    ),
    check('cache', async () =>
      judgeFolder(await lookAtFolder(host.cacheDir, host), {
        needBytes: 2 ** 31,
        elsewhere: 'name another folder with ASSAY_CACHE',
      }),
    ),
    check('memory', async () => {
      const own = { ownBytes: ownMemory(), local: docker === undefined };
      return judgeMemory({ ...(await capacity), ...own });
    }),
    check('workers', async () => judgeWorkers(await capacity)),
    check('open files', async () => judgeOpenFiles(openFilesLimit())),
    check('processes', async () => judgeProcesses(await processLimits())),
    check('proxy', async (signal) => {
      const spared = `${env['NO_PROXY'] ?? ''},${env['no_proxy'] ?? ''}`;
      return judgeProxies(await proxiesOf(host, { offline: wish.offline, signal }), spared);
    }),
    check('certificates', async () => judgeCertificates(await certificatesOf(host))),
    check('python', async (signal) =>
      judgePython(await said(['python3', '--version'], { env, signal }), docker === undefined),
    ),
    check('gpu', async (signal) => judgeGpu(await gpuOf(host, signal))),
    check('trainer', async () => {
      const python = preparedPython(host.cacheDir);
      return judgeTrainer(await python.then(Boolean, () => false));
    }),
  ];
  return { checks, close: () => engine.close() };
}

const check = (name: string, look: Check['look']): Check => ({ name, look });

/** Dataset, Hub, and the clocks of whoever is asked; `engineSkew` is that of the engine. */
function dataChecks(
  { dataset, found, offline }: Wish,
  host: Host,
  engineSkew: ReturnType<typeof lookAtDocker>['skew'] | undefined,
): readonly Check[] {
  const hub = hubSettingsFromEnv(host.env, host.home);
  const here = 'code' in found ? undefined : found;
  const unasked = whyUnasked(found, { offline, hubOffline: hub.offline });
  const answer =
    unasked === undefined ? askHub(hub, { id: here?.name ?? hubIdOf(dataset), host }) : undefined;
  return [
    check('dataset', async () => judgeDataset(found, { dataset, offline: offline || hub.offline })),
    check('hub', async () => {
      if (answer === undefined) return skip(unasked ?? '');
      return judgeHub({
        ...{ endpoint: hub.endpoint, asked: (await answer).asked, proxied: isProxied(host) },
        ...{ hasToken: hub.token !== undefined, isNeeded: here === undefined },
      });
    }),
    check('clock', async () => judgeClock([...((await engineSkew) ?? []), ...((await answer)?.skew ?? [])])),
  ];
}

/** Why the Hub isn't asked; undefined when it is. */
function whyUnasked(
  found: Wish['found'],
  { offline, hubOffline }: { readonly offline: boolean; readonly hubOffline: boolean },
): string | undefined {
  if ('code' in found && found.code !== 'dataset_offline') return 'not asked: see the line `dataset`';
  if ('revision' in found && found.revision === 'local') return 'not needed: the dataset is a file';
  if (offline) return 'not asked: --offline';
  return hubOffline ? 'not asked: HF_HUB_OFFLINE' : undefined;
}

function localImages({ found, dataset }: Wish): Finding {
  if ('code' in found) return skip('the dataset is not here');
  return judgeLocalImages(
    found.specs.filter(({ recipe }) => recipe?.source.kind !== 'tree').length,
    found.instances,
    dataset,
  );
}

function neededNode(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    readonly engines: { readonly node: string };
  };
  return manifest.engines.node;
}
