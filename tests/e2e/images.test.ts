import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type FakeEngine, startFakeEngine } from '../fixtures/engine/fake-engine.js';
import { assay } from '../helpers/cli.js';

/** A row of our own; nothing of it is built here. */
const row = (id: string, environment: readonly string[]) => ({
  instance_id: id,
  repo: 'owner/name',
  base_commit: '1'.repeat(40),
  patch: '',
  test_patch: '',
  problem_statement: 'x',
  created_at: '2025-01-01T00:00:00Z',
  version: '1.0',
  FAIL_TO_PASS: ['a.py::test_a'],
  PASS_TO_PASS: [],
  requirements: environment.map((pin) => `${pin}\n`).join(''),
  environment: '',
  docker_image: `docker.io/example/${id}:latest`,
  install_config: {
    python: '3.9',
    install: 'pip install -e .',
    test_cmd: 'pytest',
    log_parser: 'parse_log_pytest',
    packages: 'requirements.txt',
    pip_packages: [],
    pre_install: [],
  },
  meta: {},
});

let work = '';
let engine: FakeEngine;
const NOWHERE = 'unix:///nowhere/docker.sock';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-images-'));
  const rows = [
    row('owner__name-1', ['six==1.16.0']),
    row('owner__name-2', ['six==1.16.0']),
    row('owner__name-3', ['six==1.15.0']),
  ];
  await writeFile(join(work, 'rows.jsonl'), rows.map((value) => `${JSON.stringify(value)}\n`).join(''));
  engine = await startFakeEngine({
    registry: ['docker.io/example/owner__name-1:latest', 'docker.io/example/owner__name-2:latest'],
    digest: `sha256:${'a'.repeat(64)}`,
  });
});
afterAll(async () => {
  await engine.close();
  await rm(work, { recursive: true, force: true });
});

const run = (host: string, ...args: string[]) =>
  assay(['images', ...args], { cwd: work, cache: join(work, 'cache'), env: { DOCKER_HOST: host } });

describe('assay images', () => {
  test('plan counts environments without an engine, and says that sizes are left out', async () => {
    const { code, stdout, stderr } = await run(NOWHERE, 'plan', 'rows.jsonl', '--json');
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('no engine answers') });
    expect(JSON.parse(stdout)).toMatchObject({
      instances: 3,
      repositories: ['owner/name'],
      environments: [{ instances: ['owner__name-1', 'owner__name-2'] }, { instances: ['owner__name-3'] }],
    });
  });

  test('pull gets what is missing, once, and reports what a registry lacks', async () => {
    const first = await run(engine.host, 'pull', 'rows.jsonl');
    expect({ code: first.code, out: first.stdout, err: first.stderr }).toMatchObject({ code: 4 });
    expect(first.stdout).toContain('2 pulled, 0 there before, 1 image_missing, of 3');
    const pulls = engine.calls().filter((call) => call === 'pull').length;
    const again = await run(engine.host, 'pull', 'rows.jsonl', '-i', 'owner__name-1', '-i', 'owner__name-2');
    expect({ code: again.code, out: again.stdout.trim() }).toEqual({
      code: 0,
      out: '0 pulled, 2 there before, of 2',
    });
    expect(engine.calls().filter((call) => call === 'pull')).toHaveLength(pulls);
  });

  test('check ends with 3 while an image is missing, and with 0 when all are there', async () => {
    const missing = await run(engine.host, 'check', 'rows.jsonl');
    expect({ code: missing.code, out: missing.stdout }).toMatchObject({
      code: 3,
      out: expect.stringContaining('owner__name-3  missing'),
    });
    const there = await run(engine.host, 'check', 'rows.jsonl', '--limit', '2', '--json');
    expect(there.code).toBe(0);
    expect(
      there.stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { state: string }).state),
    ).toEqual(['published', 'published']);
  });

  test('push lists what was not built and ends with 4', async () => {
    const { code, stderr } = await run(
      engine.host,
      'push',
      'rows.jsonl',
      '--limit',
      '1',
      '--to',
      'localhost:5000/team',
    );
    expect({ code, stderr }).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('not pushed: owner__name-1'),
    });
  });

  test('wrong use is told with what to do', async () => {
    expect(await run(engine.host)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('plan, build, pull, check'),
    });
    expect(await run(engine.host, 'push', 'rows.jsonl', '--to', 'nowhere')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('REGISTRY/NAMESPACE'),
    });
    expect(await run(engine.host, 'prune', '--keep', 'much')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--keep much'),
    });
    expect(await run(engine.host, 'pull', 'rows.jsonl', '--rate', 'often')).toMatchObject({ code: 2 });
  });

  test('list and prune say what there is in an engine that has nothing of ours', async () => {
    const list = await run(engine.host, 'list', '--json');
    expect(JSON.parse(list.stdout)).toMatchObject({ uniqueBytes: expect.any(Number) });
    const prune = await run(engine.host, 'prune', '--keep', '0');
    expect({ code: prune.code, out: prune.stdout }).toMatchObject({
      code: 0,
      out: expect.stringContaining('0 images removed'),
    });
  });
});
