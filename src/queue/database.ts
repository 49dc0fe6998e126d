import { setMaxListeners } from 'node:events';
import pg from 'pg';
import { AssayError } from '../errors.js';
import { type Clock, pause } from '../util/clock.js';
import { createLimit } from '../util/pool.js';
import { messageOf } from '../util/words.js';
import { SCHEMA } from './schema.js';

/** A database that may go away and come back. */
export interface Database {
  /** Rows of a statement, which is tried again for as long as the database is away: it must be harmless to do twice. Rejects when `signal` is aborted. */
  query<Row extends pg.QueryResultRow>(statement: Statement, signal: AbortSignal): Promise<readonly Row[]>;
  close(): Promise<void>;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

interface DatabaseOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly onWarning: (message: string) => void;
}

const CONNECTIONS = 4;
const CONNECT_MS = 5000;
/** A connection that was cut says nothing: an answer that takes longer is given up, on this side and in the database. */
const ANSWER_MS = 30_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
/** Any number, the same in all processes: two that make the tables at once would get in each other's way. */
const SCHEMA_LOCK = 7_263_001;

/** Connects and makes the tables where they are missing; `queue_unavailable` when that fails. */
export async function openDatabase({ url, clock, onWarning }: DatabaseOptions): Promise<Database> {
  const pool = newPool(url);
  // Of idle connections; the next statement meets what is wrong.
  pool.on('error', () => undefined);
  try {
    await pool.query(`BEGIN; SELECT pg_advisory_xact_lock(${SCHEMA_LOCK}); ${SCHEMA} COMMIT`);
  } catch (error) {
    await pool.end();
    throw new AssayError(
      'queue_unavailable',
      `the queue at ${shownUrl(url)} can't be used: ${wordsOf(error)}`,
    );
  }
  // The pool's time to connect would count the wait for a free connection.
  const limited = createLimit(CONNECTIONS);
  let isAway = false;
  return {
    async query<Row extends pg.QueryResultRow>({ text, values }: Statement, signal: AbortSignal) {
      // While the database is away, all that is under way waits for it.
      setMaxListeners(0, signal);
      for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
        signal.throwIfAborted();
        try {
          const { rows } = await limited(() => pool.query<Row>(text, [...values]));
          if (isAway) onWarning('the queue is back');
          isAway = false;
          return rows;
        } catch (error) {
          if (isLasting(error))
            throw new AssayError('queue_unavailable', `the queue refuses: ${wordsOf(error)}`);
          if (!isAway) onWarning(`the queue does not answer (${wordsOf(error)}); waiting for it`);
          isAway = true;
        }
        await pause(wait, clock, signal);
      }
    },
    close: () => pool.end(),
  };
}

function newPool(url: string): pg.Pool {
  try {
    return new pg.Pool({
      connectionString: url,
      application_name: 'assay',
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      statement_timeout: ANSWER_MS,
      keepAlive: true,
    });
  } catch (error) {
    throw new AssayError('usage', `--queue ${shownUrl(url)}: ${messageOf(error)}`);
  }
}

/** Classes of SQLSTATE that pass: connection, conflict of transactions, resources, operator intervention, system error, a standby that takes no writes. */
const PASSING = /^(08|25|40|53|55|57|58|XX)/;

/** What the database itself says of the statement or the login won't change by trying again. Whatever else went wrong is the way to it. */
function isLasting(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !PASSING.test(error.code ?? '');
}

/** Of several addresses that all refused, the first says enough. */
function wordsOf(error: unknown): string {
  return error instanceof AggregateError ? messageOf(error.errors[0]) : messageOf(error);
}

/** Without the password. */
function shownUrl(url: string): string {
  return url.replace(/:[^:@/]*@/, ':***@');
}
