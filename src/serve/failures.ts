import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { AssayError, type ErrorCode, toAssayError } from '../errors.js';

/** The body of an error. */
export const ErrorBody = Type.Object({
  error: Type.Object({
    /** A code of docs/errors.md. */
    code: Type.String(),
    message: Type.String(),
    fix: Type.String(),
    /** The same request may be answered later. */
    retryable: Type.Boolean(),
  }),
});

/** Seconds after which a client may ask again. */
export const RETRY_AFTER = 5;

const STATUS: Partial<Record<ErrorCode, number>> = {
  unknown_instance: 404,
  unknown_job: 404,
  unauthorized: 401,
  client_busy: 429,
  rate_limited: 429,
  queue_full: 503,
  draining: 503,
};

/** The HTTP status of an error: 4xx is the client's fault. */
function statusOf(error: AssayError): number {
  return STATUS[error.code] ?? (error.class === 'input' ? 400 : 500);
}

/** An error as it goes to a client. */
export function errorBody({ code, message, fix, retryable }: AssayError) {
  return { error: { code, message, fix, retryable } };
}

/** Faults of the HTTP layer keep their status; all else goes by the table of errors. */
export function errorHandler(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) {
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (!(error instanceof AssayError) && status !== undefined && status < 500)
    return reply.code(status).send(errorBody(new AssayError('bad_request', error.message)));
  const known = toAssayError(error);
  const found = statusOf(known);
  if (found >= 500) request.log.error({ err: error }, 'request failed');
  if (found === 429 || found === 503) void reply.header('retry-after', RETRY_AFTER);
  if (found === 401) void reply.header('www-authenticate', 'Bearer');
  return reply.code(found).send(errorBody(known));
}
