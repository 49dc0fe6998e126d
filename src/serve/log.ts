import type { FastifyBaseLogger } from 'fastify';
import type { OracleEvent } from './oracle.js';

/** One line for each grading and each try that failed; requests that the cache answers leave none. */
export function logEvent(log: FastifyBaseLogger, event: OracleEvent): void {
  if (event.type === 'retry') {
    const { instanceId, reason, detail } = event.verdict;
    log.warn({ instance: instanceId, key: event.task.key, reason, detail }, 'a try failed');
  }
  if (event.type !== 'end') return;
  const { task, answer, seconds } = event;
  const { verdict, failure, queueSeconds } = answer;
  const outcome = verdict?.outcome ?? 'infra_error';
  const fields = { instance: task.spec.instanceId, key: task.key, outcome, queueSeconds, seconds };
  if (failure === null) log.info({ ...fields, strict: verdict?.strict?.resolved }, 'graded');
  else log.error({ ...fields, failure }, 'not graded');
}
