import { MultiBar, type SingleBar } from 'cli-progress';
import type { RunEvent } from '../model/run.js';
import { harmless } from '../util/words.js';
import type { Host } from './host.js';

/** Draws a run's events; on stderr only. */
export interface Progress {
  onEvent(event: RunEvent): void;
  /** A line of text above the bars. */
  warn(text: string): void;
  stop(): void;
}

const PLAIN_EVERY_MS = 30_000;
/** The ETA rests on the median of the last attempts: image pulls come first and would mislead a mean over all. */
const ETA_WINDOW = 50;

/** Running numbers of a run, and its estimated seconds to go. */
export class Tally {
  total = 0;
  done = 0;
  resolved = 0;
  infra = 0;
  workers = 1;
  readonly running = new Map<string, { readonly since: number; phase: string }>();
  private readonly last: number[] = [];

  constructor(private readonly now: () => number) {}

  add(event: RunEvent): void {
    switch (event.type) {
      case 'run_start':
        this.total = event.total;
        this.done = event.done;
        this.resolved = event.counts['resolved'] ?? 0;
        this.infra = event.counts['infra_error'] ?? 0;
        this.workers = event.workers;
        break;
      case 'attempt_start':
        this.running.set(keyOf(event), { since: this.now(), phase: 'prepare' });
        break;
      case 'phase': {
        const running = this.running.get(keyOf(event));
        if (running !== undefined) running.phase = event.phase;
        break;
      }
      case 'verdict': {
        const running = this.running.get(keyOf(event.verdict));
        if (running !== undefined) this.last.push((this.now() - running.since) / 1000);
        if (this.last.length > ETA_WINDOW) this.last.shift();
        this.running.delete(keyOf(event.verdict));
        this.done++;
        if (event.verdict.outcome === 'resolved') this.resolved++;
        if (event.verdict.outcome === 'infra_error') this.infra++;
        break;
      }
    }
  }

  /** Seconds to go, or undefined before the first attempt has ended. */
  eta(): number | undefined {
    const sorted = [...this.last].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    return median === undefined ? undefined : (median * (this.total - this.done)) / this.workers;
  }

  line(): string {
    return `${this.done}/${this.total}, ${this.resolved} resolved, ${this.infra} infra errors, eta ${clockTime(this.eta())}`;
  }
}

/** `bars` redraws on a terminal, `plain` prints a line every 30 s, `none` nothing. */
export function createProgress(kind: 'bars' | 'plain' | 'none', host: Host): Progress {
  const tally = new Tally(host.clock.now);
  if (kind === 'bars') return barsProgress(tally, host);
  if (kind === 'none') return { onEvent: () => undefined, warn: host.err, stop: () => undefined };
  let cancel = () => {};
  const tick = () => {
    host.err(tally.line());
    cancel = host.clock.after(PLAIN_EVERY_MS, tick);
  };
  return {
    onEvent(event) {
      tally.add(event);
      if (event.type === 'run_start') cancel = host.clock.after(PLAIN_EVERY_MS, tick);
      if (event.type === 'run_end') host.err(tally.line());
    },
    warn: host.err,
    stop: () => cancel(),
  };
}

function barsProgress(tally: Tally, host: Host): Progress {
  const bars = new MultiBar({
    stream: process.stderr,
    format: '{text}',
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    fps: 5,
  });
  const total = bars.create(1, 0, { text: '' }, { format: '{bar} {text}', barsize: 24 });
  const lines = new Map<string, SingleBar>();
  const redraw = () => {
    total.setTotal(Math.max(tally.total, 1));
    total.update(tally.done, { text: tally.line() });
    for (const [key, bar] of lines) {
      const running = tally.running.get(key);
      if (running === undefined) {
        bars.remove(bar);
        lines.delete(key);
      } else {
        bar.update({ text: describe(key, running) });
      }
    }
    for (const [key, running] of tally.running)
      if (!lines.has(key)) lines.set(key, bars.create(1, 0, { text: describe(key, running) }));
  };
  const describe = (key: string, { phase, since }: { phase: string; since: number }) =>
    `  ${key}  ${phase}  ${clockTime((host.clock.now() - since) / 1000)}`;
  const timer = setInterval(redraw, 500);
  // A third Ctrl-C ends the process at once.
  const showCursor = () => process.stderr.write('\x1b[?25h');
  process.once('exit', showCursor);
  return {
    onEvent(event) {
      tally.add(event);
      redraw();
    },
    warn: (text) => bars.log(`${harmless(text)}\n`),
    stop() {
      clearInterval(timer);
      bars.stop();
      process.off('exit', showCursor);
    },
  };
}

function keyOf({ instanceId, attempt }: { instanceId: string; attempt: number }): string {
  return attempt === 1 ? instanceId : `${instanceId} #${attempt}`;
}

function clockTime(seconds: number | undefined): string {
  if (seconds === undefined) return '--:--';
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  return `${hours > 0 ? `${hours}:` : ''}${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
}
