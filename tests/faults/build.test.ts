import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { ImageInfo } from '../../src/engine/engine.js';
import { AssayError } from '../../src/errors.js';
import type { BuildContext } from '../../src/image/build-context.js';
import { instanceImage } from '../../src/image/instance.js';
import type { ImageRecipe } from '../../src/model/eval-spec.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';
import { buildSetting, newStore } from '../image/context.js';
import { fakeBuilds } from '../image/fake-builds.js';
import { repositoryWithFuture } from '../image/git-repo.js';

const { dir: mirror, base: commit } = repositoryWithFuture();
const stores: string[] = [];
afterAll(() => {
  for (const folder of [mirror, ...stores]) rmSync(folder, { recursive: true, force: true });
});

const recipe: ImageRecipe = {
  name: 'owner__repo-1',
  source: { kind: 'git', repo: 'owner/repo', commit },
  workdir: '/testbed',
  environment: { systemPackages: [], pythonPackages: [] },
  preInstall: [],
  install: ['make install'],
  checks: [],
};
const TAG = 'assay.eval.owner__repo-1:latest';
const dead = () => new AssayError('engine_unavailable', 'docker: the engine went away');

/** A build at a fake engine that misbehaves as long as `isBroken` holds. */
function scene(
  options: Parameters<typeof fakeBuilds>[0] = {},
  changes: Partial<BuildContext> = {},
  store = newStore(),
) {
  stores.push(store);
  const state = { isBroken: true };
  const only =
    <A extends unknown[], R>(effect: ((...args: A) => R) | undefined) =>
    (...args: A): R | undefined =>
      state.isBroken ? effect?.(...args) : undefined;
  const engine = fakeBuilds({
    written: [{ path: 'opt/product', kind: 'file', content: 'made' }],
    ...options,
    onLoad: only(options.onLoad),
    onRun: only(options.onRun),
    onDestroy: only(options.onDestroy),
  });
  const base = {
    ref: 'base',
    layers: ['sha256:0'],
    labels: {},
    config: { env: [], cmd: [], entrypoint: [] },
  };
  const { context, log } = buildSetting({
    engine,
    base: base as unknown as ImageInfo,
    mirror,
    store,
    changes,
  });
  const cache = (...path: string[]) => join(context.cacheDir, ...path);
  /** The build fails and leaves nothing but its log; the same call succeeds when the engine is well again. */
  const fails = async (error: object) => {
    await expect(instanceImage(context, recipe)).rejects.toMatchObject(error);
    expect([...engine.alive]).toEqual([]);
    expect(engine.refs()).not.toContain(TAG);
    expect(readdirSync(cache('work'))).toEqual([]);
    expect(readdirSync(cache('build-locks'))).toEqual([]);
    state.isBroken = false;
    expect((await instanceImage(context, recipe)).ref).toBe(TAG);
    expect([...engine.alive]).toEqual([]);
    expect(readdirSync(cache('work'))).toEqual([]);
  };
  return { engine, context, cache, log, fails, state };
}

test('a layer larger than what a connection holds is read when nothing else is asked of its container', async () => {
  const content = Buffer.alloc(4_000_000);
  const { context } = scene({ written: [{ path: 'opt/product', kind: 'file', content }] });
  const environment = { ...recipe.environment, python: '3.9' };
  expect(await instanceImage(context, { ...recipe, environment })).toMatchObject({ ref: TAG });
});

const isInstall = (script: string) => script.includes('make install');

describe('a build whose engine dies', () => {
  test('while a script runs names the image, and the same call succeeds afterwards', async () => {
    const { fails, engine } = scene({
      onRun: (script) => {
        if (isInstall(script)) throw dead();
        return undefined;
      },
    });
    await fails({
      code: 'engine_unavailable',
      retryable: true,
      message: `building ${TAG}: docker: the engine went away`,
    });
    // The environment was complete; it isn't made again.
    expect(engine.loaded.map((ref) => ref.slice(0, 10))).toEqual(['assay.env.', 'assay.eval']);
  });

  test.each(['before', 'half'] as const)('%s an archive is loaded tags nothing', async (moment) => {
    const { fails } = scene({
      onLoad: (when) => {
        if (when === moment) throw dead();
      },
    });
    await fails({
      code: 'engine_unavailable',
      message: expect.stringMatching(/^building assay\.env\.\w{16}:latest: docker: the engine went away/),
    });
  });

  test('and cannot remove its container either gives the first error', async () => {
    const { context, state, engine, log } = scene({
      onRun: () => {
        throw dead();
      },
      onDestroy: () => {
        throw new AssayError('engine_unavailable', 'docker: no answer');
      },
    });
    await expect(instanceImage(context, recipe)).rejects.toMatchObject({
      message: expect.stringContaining('the engine went away'),
    });
    expect(log.at(-1)).toMatch(
      /^container assay\.build\.assay\.env\.\w+ 0 could not be removed: docker: no answer$/,
    );
    state.isBroken = false;
    expect(await instanceImage(context, recipe)).toBe(await engine.images.inspect(TAG, context.signal));
  });

  test('after it took an image whose name it does not know says so', async () => {
    const { fails, engine } = scene({
      onLoad: async (when) => {
        if (when === 'after') for (const ref of engine.refs()) await engine.images.remove(ref);
      },
    });
    await fails({
      code: 'image_build_failed',
      message: expect.stringContaining('the engine took the image without an error, but it is not there'),
    });
  });
});

describe('a full disk', () => {
  test('while a layer is written is told as that', async () => {
    const { fails, cache } = scene({
      onRun: (script) => {
        if (!isInstall(script)) return undefined;
        const [work = ''] = readdirSync(cache('work'));
        symlinkSync('/dev/full', cache('work', work, 'instance.tar'));
        return { output: '+ make install\n' };
      },
    });
    await fails({
      code: 'disk_full',
      message: expect.stringMatching(`^building ${TAG}: .*no space left on device`),
    });
  });

  test('of the engine is told as that', async () => {
    const { fails } = scene({
      onLoad: (when) => {
        if (when === 'half')
          throw new AssayError('disk_full', 'docker: load an image: no space left on device');
      },
    });
    await fails({ code: 'disk_full', message: expect.stringContaining('no space left on device') });
  });

  test('is told although the build log cannot be written either', async () => {
    const { context, cache } = scene({
      onRun: (script) =>
        isInstall(script) ? { output: '+ make install\nno space\n', exitCode: 1 } : undefined,
    });
    mkdirSync(context.cacheDir, { recursive: true });
    writeFileSync(cache('build-logs'), 'no folder');
    await expect(instanceImage(context, recipe)).rejects.toMatchObject({
      code: 'image_build_failed',
      message: expect.stringContaining('`make install` ended with code 1'),
    });
    expect(readdirSync(cache('work'))).toEqual([]);
  });
});

describe('a script that fails', () => {
  const output = [
    '+ cd /testbed',
    '\u001b[32m+ make install',
    ...Array.from({ length: 30 }, (_, i) => `line ${i}`),
    'make: *** No rule to make target',
  ].join('\r\n');

  test('names the image, the command, the last lines and the log file, which holds all lines', async () => {
    const { fails, cache } = scene({
      onRun: (script) =>
        isInstall(script) ? { output: output.replace('\u001b[32m', ''), exitCode: 2 } : undefined,
    });
    const logFile = cache('build-logs', 'assay.eval.owner__repo-1.log');
    const last = [
      ...Array.from({ length: 19 }, (_, i) => `line ${i + 11}`),
      'make: *** No rule to make target',
    ];
    await fails({
      code: 'image_build_failed',
      message: `building ${TAG}: \`make install\` ended with code 2 (build log: ${logFile})`,
      detail: last.join('\n'),
    });
  });

  test('has its whole output in the log file, without colours', async () => {
    const { context, cache } = scene({
      onRun: (script) => (isInstall(script) ? { output, exitCode: 2 } : undefined),
    });
    await expect(instanceImage(context, recipe)).rejects.toThrow();
    const lines = readFileSync(cache('build-logs', 'assay.eval.owner__repo-1.log'), 'utf8').split('\n');
    expect(lines.slice(0, 4)).toEqual(['+ cd /testbed', '+ make install', 'line 0', 'line 1']);
    expect(lines).toContain('line 29');
  });

  test('for want of memory says so', async () => {
    const { fails } = scene({
      onRun: (script) =>
        isInstall(script) ? { output: '+ make install\n', exitCode: 137, oomKilled: true } : undefined,
    });
    await fails({ message: expect.stringContaining('`make install` ended with code 137, out of memory') });
  });
});

describe('a build that ends in the middle', () => {
  const hangs = (onReach: () => void) => (script: string, _: unknown, signal: AbortSignal) =>
    isInstall(script)
      ? new Promise<never>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          onReach();
        })
      : undefined;

  test('by an interruption removes its container and leaves no lock', async () => {
    const controller = new AbortController();
    const reason = new AssayError('interrupted', 'Ctrl-C');
    const { context, engine, cache } = scene(
      { onRun: hangs(() => controller.abort(reason)) },
      { signal: controller.signal },
    );
    await expect(instanceImage(context, recipe)).rejects.toBe(reason);
    expect([...engine.alive]).toEqual([]);
    expect(readdirSync(cache('work'))).toEqual([]);
    expect(readdirSync(cache('build-locks'))).toEqual([]);
    expect(engine.refs()).not.toContain(TAG);
  });

  test('by SIGKILL keeps nobody from building: its lock is broken and what it left is cleaned', async () => {
    // The first build is that of a process that is killed: what it does afterwards no one sees.
    const child = spawn('sleep', ['600']);
    await once(child, 'spawn');
    const owner = identifyProcess(child.pid as number) as ProcessIdentity;
    const store = newStore();
    const controller = new AbortController();
    const reached = new Promise<void>((resolve) => {
      const killed = scene({ onRun: hangs(resolve) }, { owner, signal: controller.signal }, store);
      instanceImage(killed.context, recipe).catch(() => {});
    });
    await reached;
    const { context, engine, cache } = scene({}, {}, store);
    expect(readdirSync(cache('build-locks'))).toEqual(['assay.eval.owner__repo-1']);
    const [work = ''] = readdirSync(cache('work'));
    writeFileSync(cache('work', work, 'half-written'), 'x');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect((await instanceImage(context, recipe)).ref).toBe(TAG);
    expect(readdirSync(cache('work'))).toEqual([]);
    expect(readdirSync(cache('build-locks'))).toEqual([]);
    expect([...engine.alive]).toEqual([]);
    controller.abort();
  });
});
