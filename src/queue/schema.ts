/**
 * The tables, in a schema whose name carries their version: releases that understand different tables don't meet. `json` and not `jsonb`,
 * because a patch may hold what `jsonb` refuses (a NUL).
 */
export const SCHEMA = `
CREATE SCHEMA IF NOT EXISTS assay_1;
CREATE TABLE IF NOT EXISTS assay_1.workers (
  name text PRIMARY KEY,
  images text[] NOT NULL,
  seen timestamptz NOT NULL DEFAULT now(),
  alive_until timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS assay_1.offers (
  worker text NOT NULL REFERENCES assay_1.workers ON DELETE CASCADE,
  question text NOT NULL,
  PRIMARY KEY (worker, question)
);
CREATE INDEX IF NOT EXISTS offers_by_question ON assay_1.offers (question);
CREATE TABLE IF NOT EXISTS assay_1.tasks (
  key text PRIMARY KEY,
  id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  question text NOT NULL,
  images text[] NOT NULL,
  payload json NOT NULL,
  retries int NOT NULL,
  queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  not_before timestamptz NOT NULL DEFAULT now(),
  worker text,
  claim bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  phase text,
  deaths int NOT NULL DEFAULT 0,
  failed_on text[] NOT NULL DEFAULT '{}',
  faults text[] NOT NULL DEFAULT '{}',
  result json,
  is_true boolean,
  done_at timestamptz
);
CREATE INDEX IF NOT EXISTS tasks_open ON assay_1.tasks (queued_at) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS tasks_running ON assay_1.tasks (worker) WHERE worker IS NOT NULL AND done_at IS NULL;
CREATE INDEX IF NOT EXISTS tasks_done ON assay_1.tasks (done_at) WHERE done_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS assay_1.evidence (
  task bigint NOT NULL REFERENCES assay_1.tasks (id) ON DELETE CASCADE,
  name text NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (task, name)
);
`;
