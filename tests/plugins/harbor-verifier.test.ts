import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Task } from '../../plugins/oracles/harbor/index.js';
import { exported, rowNamed, SECRET, textOf } from '../helpers/harbor.js';

let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-harbor-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

interface Box {
  readonly root: string;
  readonly tree: string;
  run(script: string, env?: Readonly<Record<string, string>>): Promise<{ code: number; output: string }>;
  /** The text of the reward file. */
  reward(): string | undefined;
}

/** A folder that stands for a box: `/logs` and the tree are below it. */
async function makeBox(task: (tree: string) => Task): Promise<Box> {
  const root = await mkdtemp(join(work, 'box-'));
  const tree = join(root, 'testbed');
  await mkdir(join(root, 'logs', 'artifacts'), { recursive: true });
  // Pauses between requests take no time here.
  await mkdir(join(root, 'bin'));
  await symlink('/bin/true', join(root, 'bin', 'sleep'));
  for (const { path, content } of task(tree).files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content.replaceAll('/logs/', `${root}/logs/`));
  }
  return {
    root,
    tree,
    run: (script, env = {}) =>
      new Promise((resolve) => {
        const PATH = `${join(root, 'bin')}:${env['PATH'] ?? process.env['PATH']}`;
        const fixed = { HOME: root, TESTBED: tree, LANG: 'C.UTF-8' };
        const options = { cwd: root, env: { ...fixed, ...env, PATH } };
        execFile('/bin/bash', ['-c', script], options, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr }),
        );
      }),
    reward: () => {
      const path = join(root, 'logs', 'verifier', 'reward.json');
      return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A service that gives these answers in turn, the last one for good, and keeps what it was asked. */
async function withService<T>(
  answers: readonly Answer[],
  act: (url: string, asked: { token: string | undefined; body: unknown }[]) => Promise<T>,
): Promise<T> {
  const asked: { token: string | undefined; body: unknown }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { status, body } = answers[Math.min(asked.length, answers.length - 1)] as Answer;
      asked.push({
        token: request.headers.authorization,
        body: JSON.parse(Buffer.concat(chunks).toString()) as unknown,
      });
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked);
  } finally {
    server.close();
  }
}

const scored = (reward: number): Answer => ({
  status: 200,
  body: { status: 'scored', reward, failure: null },
});
const unscorable = (detail = ''): Answer => ({
  status: 200,
  body: { status: 'unscorable', reward: null, failure: { message: detail } },
});
const busy: Answer = { status: 503, body: { error: { code: 'queue_full' } } };
const PATCH = `--- a/x "quoted" \\ back\n+tab\t feed\f esc\x1b é ☃ \u2028 'single' $(touch pwned)\r\n`;

async function verified(
  answers: readonly Answer[],
  options: { readonly path?: string; readonly files?: Readonly<Record<string, string>> } = {},
) {
  const box = await makeBox((tree) => exported(rowNamed(SECRET), { spec: { workdir: tree } }));
  for (const [path, content] of Object.entries(options.files ?? { 'logs/artifacts/assay.patch': PATCH })) {
    await mkdir(dirname(join(box.root, path)), { recursive: true });
    await writeFile(join(box.root, path), content);
  }
  return withService(answers, async (url, asked) => {
    const env = {
      ASSAY_URL: url,
      ASSAY_TOKEN: 't0ken',
      ...(options.path === undefined ? {} : { PATH: options.path }),
    };
    const { code, output } = await box.run('bash tests/test.sh', env);
    return { code, output, asked, reward: box.reward() };
  });
}

/** A folder with the named tools of this machine and no others. */
async function onlyTools(names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(work, 'bin-'));
  for (const name of names) {
    // What is found in PATH may be a script that looks for the true one.
    const find = name === 'python3' ? `python3 -c 'import sys; print(sys.executable)'` : `command -v ${name}`;
    const found = spawnSync('bash', ['-c', find], { encoding: 'utf8' }).stdout.trim();
    await symlink(found, join(folder, name));
  }
  return folder;
}
const TOOLS = ['bash', 'dirname', 'mktemp', 'mkdir', 'rm', 'mv', 'od', 'awk', 'sed', 'seq', 'head'];

describe('the verifier of a task, with a service', () => {
  test.each(['curl', 'python3'])('sends the diff byte by byte and the token with %s', async (tool) => {
    const path = await onlyTools([...TOOLS, tool]);
    const { code, output, asked, reward } = await verified([scored(1)], { path });
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(asked).toEqual([{ token: 'Bearer t0ken', body: { instance_id: SECRET, patch: PATCH } }]);
    expect(reward).toBe('{"reward": 1}\n');
  });

  test.each([0, -1, 0.25, 1e-7])('writes the reward %d', async (value) => {
    expect(JSON.parse((await verified([scored(value)])).reward ?? '')).toEqual({ reward: value });
  });

  test('sends null for a tree that git can make no diff of', async () => {
    const { asked } = await verified([scored(0)], { files: { 'logs/artifacts/assay.no-patch': '' } });
    expect(asked.map(({ body }) => body)).toEqual([{ instance_id: SECRET, patch: null }]);
  });

  test('asks again while the service is busy', async () => {
    const { asked, reward } = await verified([busy, busy, scored(1)]);
    expect(asked).toHaveLength(3);
    expect(reward).toBe('{"reward": 1}\n');
  });

  test.each([
    ['is unscorable', [unscorable()], 1],
    ['is unscorable and quotes a score', [unscorable('{"status":"scored","reward":1,')], 1],
    ['stays busy', [busy], 8],
    ['refuses the token', [{ status: 401, body: { error: { code: 'unauthorized' } } }], 1],
    ['is a score of another status', [{ ...scored(1), status: 202 }], 1],
    ['is none of assay', [{ status: 200, body: 'welcome' }], 1],
  ] as const)('leaves no reward, and none of before, where the answer %s', async (_, answers, requests) => {
    const { code, asked, output, reward } = await verified(answers, {
      files: { 'logs/artifacts/assay.patch': PATCH, 'logs/verifier/reward.json': '1' },
    });
    expect({ code, requests: asked.length, reward }).toEqual({ code: 1, requests, reward: undefined });
    expect(output).toContain('assay: no verdict: ');
  });

  test.each(['curl', 'python3'])('leaves no reward where %s reaches nobody', async (tool) => {
    const box = await makeBox((tree) => exported(rowNamed(SECRET), { spec: { workdir: tree } }));
    await writeFile(join(box.root, 'logs', 'artifacts', 'assay.patch'), PATCH);
    const PATH = await onlyTools([...TOOLS, tool]);
    const { code, output } = await box.run('bash tests/test.sh', { ASSAY_URL: 'http://127.0.0.1:1', PATH });
    expect({ code, reward: box.reward() }).toEqual({ code: 1, reward: undefined });
    expect(output).toContain('answered 000 after 8 requests');
  });

  test('leaves no reward, and asks nobody, where the diff was not handed on', async () => {
    const { code, asked, reward } = await verified([scored(1)], { files: {} });
    expect({ code, asked, reward }).toEqual({ code: 1, asked: [], reward: undefined });
  });

  test('takes an id with quotes for a name', async () => {
    const instanceId = `a'b"c\\$(touch pwned)`;
    const box = await makeBox(() => exported(rowNamed(SECRET), { instance: { instanceId } }));
    await writeFile(join(box.root, 'logs', 'artifacts', 'assay.patch'), 'x');
    await withService([scored(1)], async (url, asked) => {
      await box.run('bash tests/test.sh', { ASSAY_URL: url });
      expect(asked.map(({ body }) => body)).toEqual([{ instance_id: instanceId, patch: 'x' }]);
    });
    expect(existsSync(join(box.root, 'pwned'))).toBe(false);
  });
});

/** Two boxes of an image: the agent's, in which `act` is done, and the verifier's with what is handed on. */
async function trial(id: string, act: string, env: Readonly<Record<string, string>> = {}) {
  const row = rowNamed(id);
  let collect = '';
  const make = async () => {
    const box = await makeBox((tree) => {
      const task = exported(row, { spec: { workdir: tree } });
      collect = JSON.parse(/^command = (.*)$/m.exec(textOf(task, 'task.toml') ?? '')?.[1] ?? '') as string;
      return task;
    });
    await cp(exported(row).tree ?? '', box.tree, { recursive: true });
    const steps = textOf(exported(row, { spec: { workdir: box.tree } }), 'environment/Dockerfile')?.matchAll(
      /^RUN ((?:.*\\\n)*.*)$/gm,
    );
    for (const [, step] of steps ?? [])
      expect(await box.run(`cd ${box.tree} && ${step}`)).toMatchObject({ code: 0 });
    return box;
  };
  const [agent, verifier] = [await make(), await make()];
  await agent.run(`cd ${agent.tree} && ${act}`);
  const inAgent = (script: string) =>
    script.replaceAll('/logs/', `${agent.root}/logs/`).replaceAll(verifier.tree, agent.tree);
  await agent.run(inAgent(collect));
  await cp(join(agent.root, 'logs', 'artifacts'), join(verifier.root, 'logs', 'artifacts'), {
    recursive: true,
  });
  const { code, output } = await verifier.run('bash tests/test.sh', env);
  const patch = join(agent.root, 'logs', 'artifacts', 'assay.patch');
  return {
    ...{ code, output, reward: verifier.reward() },
    patch: existsSync(patch) ? readFileSync(patch, 'utf8') : undefined,
  };
}

describe('a task that grades itself', () => {
  const GOLD = 'bash ../solution/solve.sh';

  test.each(['assay-sample__tempo-1', 'assay-sample__pennybook-1'])(
    'gives 1 for the gold patch of %s, and 0 for nothing',
    async (id) => {
      expect(await trial(id, GOLD)).toMatchObject({ code: 0, reward: '{"reward": 1}\n' });
      expect(await trial(id, 'true')).toMatchObject({ code: 0, reward: '{"reward": 0}\n' });
    },
  );

  test('takes what was committed, what is new and what is binary, and nothing ignored', async () => {
    const { reward, patch } = await trial(
      SECRET,
      `${GOLD} && git add -A && git -c user.name=a -c user.email=a@b commit -qm x && printf 'a\\0b' >bin.dat && echo n >new.txt && echo ign.txt >.gitignore && echo i >ign.txt`,
    );
    expect(reward).toBe('{"reward": 1}\n');
    for (const part of ['b/src/interval.js', 'b/new.txt', 'GIT binary patch']) expect(patch).toContain(part);
    expect(patch).not.toContain('b/ign.txt');
  });

  test('gives 0 where the agent broke the repository, even with the bug mended', async () => {
    const { reward, patch } = await trial(SECRET, `${GOLD} && rm -rf .git`);
    expect({ reward, patch }).toEqual({ reward: '{"reward": 0}\n', patch: undefined });
  });

  test('gives 0 where the tests of the agent replace those that fail', async () => {
    const { reward } = await trial(SECRET, 'rm tests/interval.test.js');
    expect(reward).toBe('{"reward": 0}\n');
  });

  test('gives no verdict where the box has no node', async () => {
    const PATH = await onlyTools([...TOOLS, 'git', 'timeout']);
    const { code, output, reward } = await trial(SECRET, GOLD, { PATH });
    expect({ code, reward }).toEqual({ code: 1, reward: undefined });
    expect(output).toContain('the box has no node');
  });
});

describe('a task that needs a service', () => {
  test('gives no verdict without one, and says what to set', async () => {
    const box = await makeBox(() =>
      exported(rowNamed(SECRET), { spec: { recipe: undefined, images: ['published:v1'] } }),
    );
    await writeFile(join(box.root, 'logs', 'artifacts', 'assay.patch'), PATCH);
    const { code, output } = await box.run('bash tests/test.sh');
    expect({ code, reward: box.reward() }).toEqual({ code: 1, reward: undefined });
    expect(output).toContain('set ASSAY_URL');
  });
});
