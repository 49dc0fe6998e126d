import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const VERSIONS = '/usr/lib/postgresql';
/** PostgreSQL doesn't run as root. */
const NOBODY = 65534;
const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** The programs of the newest PostgreSQL of Debian that is here; undefined where none is. */
function binaries(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const folders = readdirSync(VERSIONS).map((version) => join(VERSIONS, version, 'bin'));
  return folders.filter((folder) => existsSync(join(folder, 'initdb'))).at(-1);
}

/** Why tests of the queue can't run here; undefined where they can. */
export const noPostgres =
  binaries() === undefined ? `no PostgreSQL in ${VERSIONS}: apt-get install postgresql` : undefined;

export interface Postgres {
  readonly port: number;
  readonly url: string;
  query<Row extends pg.QueryResultRow>(text: string): Promise<readonly Row[]>;
  /** kill -9 of the server. */
  crash(): Promise<void>;
  /** Starts it again with what is on its disk. */
  start(): Promise<void>;
  /** Ends it and removes all of it. */
  remove(): Promise<void>;
}

/** A PostgreSQL of its own for a test, in a temporary folder, on a free port of loopback and of the other addresses given. */
export async function startPostgres(addresses: readonly string[] = []): Promise<Postgres> {
  const bin = binaries();
  if (bin === undefined) throw new Error(noPostgres);
  const folder = mkdtempSync(join(tmpdir(), 'assay-postgres-'));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'assay', '-A', 'trust', '-E', 'UTF8', '-N'],
    {
      ...user,
      cwd: folder,
      encoding: 'utf8',
    },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const url = `postgres://assay@127.0.0.1:${port}/postgres`;
  const settings = {
    port,
    unix_socket_directories: folder,
    listen_addresses: ['127.0.0.1', ...addresses].join(','),
    fsync: 'off',
  };
  appendFileSync(join(data, 'pg_hba.conf'), 'host all all samenet trust\n');
  let server: ChildProcess | undefined;
  const query = async <Row extends pg.QueryResultRow>(text: string) => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const start = async () => {
    // After a crash the server refuses until the last process of the old one is gone.
    for (let tries = 0; tries < 100; tries++) {
      server = spawn(
        join(bin, 'postgres'),
        ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        { ...user, cwd: folder, stdio: 'ignore' },
      );
      const child = server;
      for (let looks = 0; looks < 100 && child.exitCode === null; looks++) {
        if (
          await query('SELECT 1').then(
            () => true,
            () => false,
          )
        )
          return;
        await sleep(50);
      }
    }
    throw new Error(`PostgreSQL does not start in ${folder}`);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  };
  await start();
  return {
    port,
    url,
    query,
    start,
    crash: () => end('SIGKILL'),
    async remove() {
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
