import { describe } from '@jest/globals';
import { dockerEngine } from '../../src/engine/docker/index.js';
import type { Engine } from '../../src/engine/engine.js';

/** A Docker engine that answers, and a small local image with bash and coreutils. */
export interface RealDocker {
  readonly engine: Engine;
  readonly image: string;
}

async function look(): Promise<RealDocker | string> {
  const { DOCKER_HOST, XDG_RUNTIME_DIR, HOME, ASSAY_TEST_IMAGE } = process.env;
  const engine = dockerEngine({ host: DOCKER_HOST, runtimeDir: XDG_RUNTIME_DIR, home: HOME });
  const image = ASSAY_TEST_IMAGE ?? 'assay-base:latest';
  try {
    await engine.info();
    if ((await engine.images.inspect(image, AbortSignal.timeout(10_000))) !== undefined)
      return { engine, image };
    return `there is no image ${image}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * A block of tests against a real Docker engine. Where none answers or the image is missing it is skipped, with one line that says
 * why and how to get it; with ASSAY_REQUIRE_DOCKER=1 it fails instead. Call it as `await describeWithDocker(...)` at the top of a file.
 */
export async function describeWithDocker(name: string, block: (docker: RealDocker) => void): Promise<void> {
  const docker = await look();
  if (typeof docker !== 'string') {
    describe(name, () => block(docker));
    return;
  }
  const how =
    'start Docker and import a base image (`.ci/run` shows how), or set DOCKER_HOST and ASSAY_TEST_IMAGE';
  if (process.env.ASSAY_REQUIRE_DOCKER === '1')
    throw new Error(`Docker tests are required, but ${docker}; ${how}`);
  process.stderr.write(`Skipped the Docker tests "${name}": ${docker}; to run them, ${how}.\n`);
  describe.skip(name, () => block({ engine: dockerEngine(), image: '' }));
}
