import { access, chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findControlGroups } from '../../../src/engine/local/control-groups.js';
import { localEngine } from '../../../src/engine/local/index.js';
import { removeTree } from '../../../src/engine/local/workspace.js';
import {
  type Bench,
  bash,
  forever,
  LIMITS,
  makeBench,
  PATH,
  processesWith,
  until,
  usableIsolations,
} from './sandbox-helpers.js';

const isolations = await usableIsolations();
const groups = await findControlGroups({ id: `test-${process.pid}` });
const isRoot = userInfo().uid === 0;

describe.each(isolations)('a local sandbox (%s)', (isolation) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await makeBench(isolation);
    await bench.importSample();
  });
  afterAll(() => bench.remove());

  test('leaves nothing behind after destroy: no files, no daemon that went its own way', async () => {
    const container = await bench.start();
    await bash(container, 'mkdir -p locked/in && touch locked/in/file && chmod 500 locked/in locked');
    await bash(container, '(setsid setsid sleep 71.25 >/dev/null 2>&1 </dev/null &) ; sleep 0.1');
    await container.destroy();
    await container.destroy();
    expect(await processesWith('71.25')).toEqual([]);
    expect(await bench.workspaces()).toEqual([]);
  });

  test('ends its running command when it is destroyed', async () => {
    const container = await bench.start();
    const running = bash(container, 'sleep 72.25');
    running.catch(() => undefined);
    await until(async () => (await processesWith('72.25')).length > 0);
    await container.destroy();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect(await processesWith('72.25')).toEqual([]);
  });

  test('starts pristine each time, also when eight run at once', async () => {
    const outputs = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const container = await bench.start();
        const result = await bash(container, `cat README; echo ${index} >> README; sleep 0.1; cat README`);
        await container.destroy();
        return result.output;
      }),
    );
    expect(outputs).toEqual(Array.from({ length: 8 }, (_, index) => `a sample\na sample\n${index}\n`));
    expect(await bench.workspaces()).toEqual([]);
  });

  test('is not touched by links that code inside has laid in the way of a file', async () => {
    const container = await bench.start();
    const outside = join(bench.folder, 'outside');
    await mkdir(outside, { recursive: true });
    await writeFile(join(outside, 'file'), 'mine');
    await bash(
      container,
      `rm -rf "$TMPDIR"/x; ln -s ${outside} "$TMPDIR"/x; ln -s ${outside}/file "$TMPDIR"/patch.diff`,
    );
    await container.put(
      [
        { path: '/tmp/x/file', content: 'theirs' },
        { path: '/tmp/patch.diff', content: 'theirs' },
      ],
      forever,
    );
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('mine');
    expect((await bash(container, 'cat /tmp/x/file /tmp/patch.diff')).output).toBe('theirstheirs');
    await container.destroy();
  });

  test.each(['relative', '/a/../../b', '/tmp/', '/usr/bin/true'])(
    'refuses to put a file at %s',
    async (path) => {
      const container = await bench.start();
      await expect(container.put([{ path, content: '' }], forever)).rejects.toMatchObject({
        code: 'engine_failed',
      });
      await container.destroy();
    },
  );

  test('reaches a server of this machine only with the network on', async () => {
    const server = createServer((_request, response) => response.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
    const withNetwork = async (network: boolean) => {
      const container = await bench.start({ network });
      const { output } = await bash(container, script);
      await container.destroy();
      return output.includes('reached');
    };
    try {
      expect(await withNetwork(true)).toBe(true);
      expect(await withNetwork(false)).toBe(isolation === 'none');
    } finally {
      server.close();
    }
  });

  test('may listen and connect on its own loopback', async () => {
    const container = await bench.start();
    const script = `node -e "
      const server = require('http').createServer((q, r) => r.end('own')).listen(0, '127.0.0.1', async () => {
        console.log(await (await fetch('http://127.0.0.1:' + server.address().port)).text());
        process.exit();
      })"`;
    expect((await bash(container, script)).output).toBe('own\n');
    await container.destroy();
  });

  // As root without control groups nothing bounds the number of processes (docs/local-engine.md).
  const isBounded = groups !== undefined || !isRoot;
  (isBounded ? test : test.skip)('holds a fork bomb within its limit and can be ended', async () => {
    const container = await bench.start({ pids: 40 });
    const stop = new AbortController();
    const bomb = bash(container, 'bomb() { sleep 73.25 & bomb & bomb; }; bomb 2>/dev/null', stop.signal);
    bomb.catch(() => undefined);
    await until(async () => (await processesWith('73.25')).length > 5);
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (groups !== undefined) expect((await processesWith('73.25')).length).toBeLessThan(45);
    stop.abort(new Error('enough'));
    await expect(bomb).rejects.toThrow('enough');
    await container.destroy();
    expect(await processesWith('73.25')).toEqual([]);
  });

  test('ends a process that takes more memory than allowed, and says so where the kernel tells', async () => {
    const container = await bench.start({ memoryBytes: 192 * 1024 * 1024 });
    const script = 'node -e "const all = []; for (;;) all.push(Buffer.alloc(16 << 20, 1))"';
    const { exitCode, oomKilled } = await bash(container, script);
    expect(exitCode).not.toBe(0);
    expect(oomKilled).toBe(groups !== undefined);
    await container.destroy();
  });

  test('is over its disk limit once it has written more, wherever and also while files come and go', async () => {
    const container = await bench.start({ diskBytes: 50 * 2 ** 20 });
    expect(await container.isOverDisk(forever)).toBe(false);
    const churn = 'for i in {1..200}; do touch churn-$i; rm churn-$i; done';
    const running = bash(container, `(${churn}) & head -c 200M /dev/zero > "$TMPDIR"/big; read -t 1; wait`);
    expect(await until(() => container.isOverDisk(forever))).toBe(true);
    await running;
    await bash(container, 'rm "$TMPDIR"/big');
    expect(await container.isOverDisk(forever)).toBe(false);
    await container.destroy();
    const unbounded = await bench.start();
    expect(await unbounded.isOverDisk(forever)).toBe(false);
    await unbounded.destroy();
  });

  test('runs node within the usual limits', async () => {
    const container = await bench.start({ memoryBytes: 1024 ** 3, pids: 64 });
    expect(await bash(container, 'node -p 1+1')).toMatchObject({ output: '2\n', exitCode: 0 });
    await container.destroy();
  });
});

describe('the file system of a bubblewrap sandbox', () => {
  // Skipped where bubblewrap doesn't work: the other isolations share the machine's file system.
  const withBubblewrap = isolations.includes('bubblewrap') ? test : test.skip;
  let bench: Bench;
  beforeAll(async () => {
    bench = await makeBench('bubblewrap');
    await writeFile(join(bench.folder, 'secret'), 'secret');
  });
  afterAll(() => bench.remove());

  withBubblewrap('hides the files of this machine', async () => {
    await bench.importSample();
    const container = await bench.start();
    const { output } = await bash(
      container,
      `cat ${bench.folder}/secret /proc/1/root${bench.folder}/secret /etc/shadow; ls ${bench.folder} ${process.cwd()} ${userInfo().homedir}/.ssh; ls -A /tmp; ls /proc | grep -c '^[0-9]'`,
    );
    expect(output).not.toMatch(/^secret|root:/m);
    expect(output.match(/No such file|Permission denied/g)?.length).toBe(6);
    expect(Number(output.trim().split('\n').at(-1))).toBeLessThan(10);
    await container.destroy();
  });

  // To files of /proc the user of a sandbox that root started is root, without a single capability.
  withBubblewrap('has no setting of the kernel that can be changed', async () => {
    await bench.importSample();
    const container = await bench.start();
    const { output } = await bash(
      container,
      'find /proc/sys /proc/fs /proc/scsi /proc/acpi -type f -writable 2>/dev/null | head -3; for file in /proc/sys/vm/swappiness /proc/sysrq-trigger /proc/mtrr; do (: >>$file) 2>/dev/null && echo "opens $file"; done; cat /proc/sys/kernel/ostype',
    );
    expect(output).toBe('Linux\n');
    await container.destroy();
  });

  withBubblewrap('can be written in the tree, in /tmp and at home, and nowhere else', async () => {
    await bench.importSample();
    const container = await bench.start();
    await container.put([{ path: '/eval.sh', content: 'echo' }], forever);
    const { output } = await bash(
      container,
      'for f in /testbed/f /tmp/f "$HOME/f" /f /usr/f /etc/f /run/f /eval.sh; do echo x 2>/dev/null > "$f" && echo "$f"; done 2>/dev/null',
    );
    expect(output).toBe('/testbed/f\n/tmp/f\n/home/assay/f\n');
    await container.destroy();
  });
});

describe('the local engine', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await makeBench('auto');
    await bench.importSample();
  });
  afterAll(() => bench.remove());

  test('says what it offers', async () => {
    const info = await bench.engine.info();
    expect(info).toMatchObject({ version: 'local', isolated: isolations[0] === 'bubblewrap' });
    expect(info.isolation).toContain(isolations[0] === 'none' ? 'process group only' : isolations[0]);
    expect(info.cpus).toBeGreaterThan(0);
    expect(info.freeMemoryBytes).toBeGreaterThan(1e6);
  });

  test('falls back, with the reason, when bubblewrap does not work', async () => {
    const broken = localEngine({ cacheDir: bench.cacheDir, path: PATH, bwrapPath: '/bin/false' });
    expect((await broken.info()).isolated).toBe(false);
    const asked = localEngine({
      cacheDir: bench.cacheDir,
      path: PATH,
      bwrapPath: '/bin/false',
      isolation: 'bubblewrap',
    });
    await expect(asked.info()).rejects.toMatchObject({ code: 'engine_unavailable' });
  });

  test('is unavailable without git and bash', async () => {
    const engine = localEngine({ cacheDir: bench.cacheDir, path: '/nowhere' });
    await expect(engine.info()).rejects.toMatchObject({ code: 'engine_unavailable' });
  });

  test('refuses an unknown image and capabilities, and leaves no workspace', async () => {
    const spec = { image: 'sample', name: 'n', labels: {}, limits: LIMITS };
    const { containers } = bench.engine;
    await expect(containers.start({ ...spec, image: 'no-such' }, forever)).rejects.toMatchObject({
      code: 'image_missing',
    });
    await expect(
      containers.start({ ...spec, limits: { ...LIMITS, capAdd: ['SYS_ADMIN'] } }, forever),
    ).rejects.toMatchObject({ code: 'engine_failed' });
    await expect(containers.start(spec, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
    const stop = new AbortController();
    const starting = containers.start(spec, stop.signal);
    setTimeout(() => stop.abort(new Error('stop')), 2);
    await starting.then(
      (container) => container.destroy(),
      (error) => expect(error).toMatchObject({ message: 'stop' }),
    );
    expect(await bench.workspaces()).toEqual([]);
  });

  test('reports a sandbox that cannot be made as a failure of the engine, not of the command', async () => {
    const container = await bench.start();
    await removeTree(join(bench.cacheDir, 'workspaces', container.id, 'root', 'testbed'));
    await expect(bash(container, 'echo never')).rejects.toMatchObject({ code: 'engine_failed' });
    await container.destroy();
  });

  test('destroys what is left when it is closed', async () => {
    await bench.start();
    await bench.engine.close();
    expect(await bench.workspaces()).toEqual([]);
  });

  test('reaps the workspaces and processes of runs that are gone, and no others', async () => {
    const dead = await makeBench('none');
    await dead.importSample();
    const left = await dead.start({}, { 'assay.run': 'a', 'assay.pid': '1' });
    const running = bash(left, 'setsid sleep 74.25 & sleep 74.25');
    running.catch(() => undefined);
    const other = await dead.start({}, { 'assay.run': 'b', 'assay.pid': '1' });
    const living = await dead.start({}, { 'assay.run': 'a', 'assay.pid': '2' });
    await until(async () => (await processesWith('74.25')).length >= 2);
    const later = localEngine({ cacheDir: dead.cacheDir, path: PATH });
    const reaped = await later.containers.reap({ 'assay.run': 'a' }, (labels) => labels['assay.pid'] === '1');
    expect(reaped).toEqual([left.id]);
    expect(await processesWith('74.25')).toEqual([]);
    const ids = (await dead.workspaces()).filter((name) => !name.endsWith('.json'));
    expect(ids.sort()).toEqual([other.id, living.id].sort());
    await dead.remove();
  });

  test('reaps what a process that died was just writing, and nothing of one that lives', async () => {
    const folder = join(bench.cacheDir, 'workspaces');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '.tmp-999999999-x'), 'half');
    await writeFile(join(folder, `.tmp-${process.pid}-y`), 'half');
    await bench.engine.containers.reap({}, () => true);
    expect(await readdir(folder)).toEqual([`.tmp-${process.pid}-y`]);
    await removeTree(join(folder, `.tmp-${process.pid}-y`));
  });

  test('reaps nothing where nothing ever ran', async () => {
    const engine = localEngine({ cacheDir: join(bench.folder, 'unused'), path: PATH });
    expect(await engine.containers.reap({}, () => true)).toEqual([]);
  });
});

test('a tree with folders that may not be written is removed, and links in it are not followed', async () => {
  const bench = await makeBench('none');
  const tree = join(bench.folder, 'locked');
  const outside = join(bench.folder, 'outside');
  await mkdir(join(tree, 'in'), { recursive: true });
  await mkdir(outside);
  await writeFile(join(outside, 'kept'), '');
  await symlink(outside, join(tree, 'in', 'link'));
  await chmod(join(tree, 'in'), 0o500);
  await removeTree(tree);
  await expect(access(tree)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readdir(outside)).toEqual(['kept']);
  await bench.remove();
});
