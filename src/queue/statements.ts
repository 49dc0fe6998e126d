import type { Statement } from './database.js';
import type { Evidence, Order, QueuedError, Result } from './order.js';

/** A task ends as poisoned when so many workers have ended, or were cut off, while they had it. */
const MOST_DEATHS = 3;
/** After so many it is done by a worker that does nothing else, so that its neighbours aren't blamed for the last. */
const SUSPECT_DEATHS = 2;
/** For so long a task that waits for a worker without other work lets others pass. */
const SUSPECT_WAIT = `interval '60 s'`;
/** For so long a task keeps away from workers on which it failed, while there are others. */
const OTHER_WORKER_WAIT = `interval '60 s'`;
/** A task whose image is here counts as so much older, one whose image another worker uses as so much younger. */
const AFFINITY = `interval '10 min'`;
const KEPT = `interval '7 days'`;

const SECONDS = (parameter: string) => `(${parameter}::float8 * interval '1 s')`;
/** While the database was down nobody could renew: leases that ended in that time get another term. */
const isLost = (lease: string) => `(t.lease_until < now() AND pg_postmaster_start_time() + ${lease} < now())`;

const DEATHS = `(t.deaths + (t.worker IS NOT NULL)::int)`;
const offeredByOther = (than: string) => `EXISTS (
    SELECT FROM assay_1.offers o JOIN assay_1.workers w ON w.name = o.worker
    WHERE o.question = t.question AND w.alive_until > now() AND ${than})`;

/** Puts a task; gives no row when another process puts the same at this moment: ask again. One that failed begins anew. */
export function submit({ key, question, images, payload, retries }: Order): Statement {
  return {
    text: `
WITH put AS (
  INSERT INTO assay_1.tasks AS t (key, question, images, payload, retries) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (key) DO UPDATE SET
    question = excluded.question, images = excluded.images, payload = excluded.payload, retries = excluded.retries,
    result = NULL, is_true = NULL, done_at = NULL, worker = NULL, lease_until = NULL, phase = NULL,
    deaths = 0, failed_on = '{}', faults = '{}', queued_at = clock_timestamp(), not_before = now()
  WHERE t.done_at IS NOT NULL AND NOT t.is_true
  RETURNING id
), old AS (
  DELETE FROM assay_1.evidence WHERE task IN (SELECT id FROM put)
)
SELECT id FROM put UNION ALL SELECT id FROM assay_1.tasks WHERE key = $1 LIMIT 1`,
    values: [key, question, images, JSON.stringify(payload), retries],
  };
}

/** Where tasks stand, of those of which there is something to say. */
export function look(ids: readonly string[]): Statement {
  return {
    text: `
SELECT id, worker IS NOT NULL AS "isTaken", phase, faults, result, done_at IS NOT NULL AS "isDone"
FROM assay_1.tasks
WHERE id = ANY($1::bigint[]) AND (done_at IS NOT NULL OR worker IS NOT NULL OR cardinality(faults) > 0)`,
    values: [ids],
  };
}

/** Those of the tasks that are not there any more. */
export function missing(ids: readonly string[]): Statement {
  return {
    text: `
SELECT asked.id FROM unnest($1::bigint[]) AS asked (id)
WHERE NOT EXISTS (SELECT FROM assay_1.tasks t WHERE t.id = asked.id)`,
    values: [ids],
  };
}

export function evidenceOf(id: string): Statement {
  return { text: 'SELECT name, bytes FROM assay_1.evidence WHERE task = $1', values: [id] };
}

/** Removes a task whose answer is kept elsewhere. */
export function remove(id: string): Statement {
  return { text: 'DELETE FROM assay_1.tasks WHERE id = $1', values: [id] };
}

/** Removes those of the tasks that nobody has begun. */
export function withdraw(ids: readonly string[]): Statement {
  return {
    text: `
DELETE FROM assay_1.tasks WHERE id = ANY($1::bigint[]) AND worker IS NULL AND done_at IS NULL RETURNING id`,
    values: [ids],
  };
}

export function liveWorkers(): Statement {
  return { text: 'SELECT name, images FROM assay_1.workers WHERE alive_until > now()', values: [] };
}

/** Ends tasks that killed their workers. */
export function sweepPoisoned(error: QueuedError, graceSeconds: number): Statement {
  return {
    text: `
UPDATE assay_1.tasks t
SET done_at = now(), is_true = false, result = $1, deaths = ${DEATHS}, failed_on = array_append(failed_on, worker)
WHERE done_at IS NULL AND worker IS NOT NULL AND ${isLost(SECONDS('$2'))} AND ${DEATHS} >= ${MOST_DEATHS}`,
    values: [resultText({ error }), graceSeconds],
  };
}

/** Ends tasks that no worker could do for so long. */
export function sweepUnfit(error: QueuedError, patienceSeconds: number): Statement {
  const patience = SECONDS('$2');
  return {
    text: `
UPDATE assay_1.tasks t SET done_at = now(), is_true = false, result = $1
WHERE done_at IS NULL AND (worker IS NULL OR lease_until < now()) AND queued_at < now() - ${patience}
  AND pg_postmaster_start_time() < now() - ${patience}
  AND NOT EXISTS (
    SELECT FROM assay_1.offers o JOIN assay_1.workers w ON w.name = o.worker
    WHERE o.question = t.question AND w.seen > now() - ${patience})`,
    values: [resultText({ error }), patienceSeconds],
  };
}

/** Forgets answers that are old, and workers that are long gone. */
export function prune(): readonly Statement[] {
  return [
    { text: `DELETE FROM assay_1.tasks WHERE done_at < now() - ${KEPT}`, values: [] },
    { text: `DELETE FROM assay_1.workers WHERE seen < now() - interval '1 day'`, values: [] },
  ];
}

interface Registration {
  readonly name: string;
  readonly leaseSeconds: number;
  readonly images: readonly string[];
  readonly offers: readonly string[];
}

export function register({ name, leaseSeconds, images, offers }: Registration): Statement {
  return {
    text: `
WITH me AS (
  INSERT INTO assay_1.workers (name, images, alive_until) VALUES ($1, $2, now() + ${SECONDS('$3')})
  ON CONFLICT (name) DO UPDATE SET seen = now(), alive_until = excluded.alive_until
  RETURNING name
)
INSERT INTO assay_1.offers SELECT me.name, question FROM me, unnest($4::text[]) AS question ON CONFLICT DO NOTHING`,
    values: [name, images, leaseSeconds, offers],
  };
}

interface Beat {
  readonly name: string;
  readonly leaseSeconds: number;
  readonly images: readonly string[];
  /** All tasks that it has. */
  readonly tasks: readonly { readonly id: string; readonly phase: string | undefined }[];
}

/** Renews the worker and its leases; tasks that it doesn't know of, as the answer to its claim was lost, go back. No row: it is not registered. */
export function beat({ name, leaseSeconds, images, tasks }: Beat): Statement {
  return {
    text: `
WITH kept AS (
  UPDATE assay_1.tasks t SET lease_until = now() + ${SECONDS('$2')}, phase = mine.phase
  FROM unnest($4::bigint[], $5::text[]) AS mine (id, phase)
  WHERE t.id = mine.id AND t.worker = $1 AND t.done_at IS NULL
), unknown AS (
  UPDATE assay_1.tasks SET worker = NULL, lease_until = NULL, phase = NULL
  WHERE worker = $1 AND done_at IS NULL AND id <> ALL($4::bigint[])
)
UPDATE assay_1.workers SET seen = now(), alive_until = now() + ${SECONDS('$2')}, images = $3 WHERE name = $1 RETURNING name`,
    values: [name, leaseSeconds, images, tasks.map(({ id }) => id), tasks.map(({ phase }) => phase ?? null)],
  };
}

/** What of its tasks a worker gives back undone. */
export function release(name: string): Statement {
  return {
    text: `
UPDATE assay_1.tasks SET worker = NULL, lease_until = NULL, phase = NULL WHERE worker = $1 AND done_at IS NULL`,
    values: [name],
  };
}

/** A worker that has left is no reason to wait. */
export function leave(name: string): Statement {
  return { text: 'UPDATE assay_1.workers SET alive_until = now() WHERE name = $1', values: [name] };
}

interface Claim {
  readonly name: string;
  readonly leaseSeconds: number;
  readonly count: number;
  /** Only tasks that might end the worker, or only others. */
  readonly suspects: boolean;
}

/** Takes tasks that wait, or whose worker is gone, in order of age and of where their image is. */
export function claim({ name, leaseSeconds, count, suspects }: Claim): Statement {
  const lease = SECONDS('$2');
  return {
    text: `
WITH fit AS MATERIALIZED (
  SELECT t.key, t.claim, t.queued_at, t.images, ${DEATHS} >= ${SUSPECT_DEATHS} AS suspect,
    coalesce(t.lease_until, t.not_before) < now() - ${SUSPECT_WAIT} AS overdue
  FROM assay_1.tasks t
  WHERE t.done_at IS NULL AND ${DEATHS} < ${MOST_DEATHS}
    AND (t.worker IS NULL AND t.not_before <= now() OR t.worker <> $1 AND ${isLost(lease)})
    AND EXISTS (SELECT FROM assay_1.offers o WHERE o.worker = $1 AND o.question = t.question)
    AND ($1 <> ALL(t.failed_on) OR t.not_before < now() - ${OTHER_WORKER_WAIT}
      OR NOT ${offeredByOther('w.name <> ALL(t.failed_on)')})
), busy AS MATERIALIZED (
  SELECT DISTINCT unnest(r.images) AS image FROM assay_1.tasks r
  WHERE r.worker <> $1 AND r.done_at IS NULL
), chosen AS (
  SELECT t.key FROM assay_1.tasks t JOIN fit ON t.key = fit.key AND t.claim = fit.claim
  WHERE t.done_at IS NULL AND fit.suspect = $4
    AND ($4 OR NOT EXISTS (SELECT FROM fit WHERE suspect AND overdue))
  ORDER BY fit.queued_at + CASE
    WHEN fit.images && (SELECT images FROM assay_1.workers WHERE name = $1) THEN -${AFFINITY}
    WHEN fit.images && ARRAY(SELECT image FROM busy) THEN ${AFFINITY}
    ELSE interval '0' END
  LIMIT $3
  FOR UPDATE OF t SKIP LOCKED
)
UPDATE assay_1.tasks t
SET worker = $1, claim = t.claim + 1, lease_until = now() + ${lease}, phase = NULL, deaths = ${DEATHS}
FROM chosen WHERE t.key = chosen.key
RETURNING t.id, t.key, t.claim, t.payload, cardinality(t.faults) AS faults`,
    values: [name, leaseSeconds, count, suspects],
  };
}

export interface Ending {
  readonly id: string;
  readonly result: Result;
  readonly evidence: Evidence;
}

/** Writes a true verdict, whoever has the task now: the first is the answer. No row: there was one. */
export function finish({ id, result, evidence }: Ending): Statement {
  return {
    text: ending('true', ''),
    values: [id, resultText(result), [...evidence.keys()], [...evidence.values()]],
  };
}

type Fault = Ending & { readonly name: string; readonly claim: string };

/** Has a task tried again, if this worker still has it, tries are left, and another try may help. */
export function tryAgain({
  id,
  result,
  name,
  claim: mine,
  mayPass,
}: Omit<Fault, 'evidence'> & { readonly mayPass: boolean }): Statement {
  return {
    text: `
UPDATE assay_1.tasks t
SET worker = NULL, lease_until = NULL, phase = NULL, faults = array_append(faults, $2), failed_on = array_append(failed_on, $3),
  not_before = now() + least(2 ^ cardinality(faults), 60) * interval '1 s'
WHERE id = $1 AND worker = $3 AND claim = $4 AND done_at IS NULL AND cardinality(faults) < retries
  AND ($5 OR ${offeredByOther('w.name <> $3 AND w.name <> ALL(t.failed_on)')})
RETURNING id`,
    values: [id, resultText(result), name, mine, mayPass],
  };
}

/** Ends a task without a true verdict, if this worker still has it. */
export function giveUp({ id, result, evidence, name, claim: mine }: Fault): Statement {
  return {
    text: ending('false', 'AND worker = $5 AND claim = $6'),
    values: [id, resultText(result), [...evidence.keys()], [...evidence.values()], name, mine],
  };
}

function ending(isTrue: 'true' | 'false', also: string): string {
  return `
WITH done AS (
  UPDATE assay_1.tasks SET result = $2, is_true = ${isTrue}, done_at = now()
  WHERE id = $1 AND done_at IS NULL ${also} RETURNING id
), files AS (
  INSERT INTO assay_1.evidence SELECT done.id, file.name, file.bytes
  FROM done, unnest($3::text[], $4::bytea[]) AS file (name, bytes)
)
SELECT id FROM done`;
}

function resultText(result: Result): string {
  return JSON.stringify(result);
}
