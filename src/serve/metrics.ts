import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { OracleEvent } from './oracle.js';

/** Numbers for Prometheus, made from what happens in the oracle. */
export interface Metrics {
  onEvent(event: OracleEvent): void;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

interface Counts {
  readonly queued: number;
  readonly running: number;
  readonly warm: number;
}

/** From a cached answer to a test run of half an hour. */
const SECONDS = [0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800];

export function createMetrics(countsOf: () => Counts): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: (counts: Counts) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(countsOf()));
      },
    });
  gauge('assay_queue_depth', 'Gradings that wait', ({ queued }) => queued);
  gauge('assay_running', 'Gradings that run', ({ running }) => running);
  gauge('assay_warm_containers', 'Containers that wait for an announced instance', ({ warm }) => warm);
  const hits = new Counter({
    name: 'assay_cache_hits_total',
    help: 'Requests answered without a grading of their own, by where the verdict was: memory, disk, running',
    labelNames: ['from'],
    registers,
  });
  const ended = new Counter({
    name: 'assay_gradings_total',
    help: 'Gradings by outcome and reason',
    labelNames: ['outcome', 'reason'],
    registers,
  });
  const infra = new Counter({
    name: 'assay_infra_errors_total',
    help: "Tries that failed for the machine's fault, by class and code",
    labelNames: ['class', 'code'],
    registers,
  });
  const phases = new Histogram({
    name: 'assay_phase_seconds',
    help: 'Seconds of each phase of a grading',
    labelNames: ['phase'],
    buckets: SECONDS,
    registers,
  });
  const queue = new Histogram({
    name: 'assay_queue_seconds',
    help: 'Seconds that gradings waited for their turn',
    buckets: SECONDS,
    registers,
  });
  const total = new Histogram({
    name: 'assay_time_to_reward_seconds',
    help: 'Seconds from the first request for a verdict to its answer',
    buckets: SECONDS,
    registers,
  });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    onEvent(event) {
      if (event.type === 'hit') return hits.inc({ from: event.from });
      if (event.type === 'start') return queue.observe(event.queueSeconds);
      if (event.type === 'retry') return infra.inc({ class: 'infra', code: event.verdict.reason });
      const { verdict, failure } = event.answer;
      if (failure !== null) infra.inc({ class: failure.class, code: failure.code });
      ended.inc({
        outcome: verdict?.outcome ?? 'infra_error',
        reason: verdict?.reason ?? failure?.code ?? '',
      });
      total.observe(event.seconds);
      for (const [phase, seconds] of Object.entries(verdict?.seconds ?? {}))
        phases.observe({ phase }, seconds);
    },
  };
}
