import { setTimeout as sleep } from 'node:timers/promises';
import { shuffled } from '../../src/util/random.js';
import type { Daemon } from '../helpers/daemon.js';

/** What a test may kill with SIGKILL. */
export interface Victim {
  readonly kind: string;
  /** Resolves when it was killed, was gone for so long, and is back. */
  killAndRestart(downMs: number): Promise<void>;
}

/** A process that is started anew when it was killed, until it lives: what it needs may be down as well. */
export interface Supervised<Process extends Daemon> extends Victim {
  /** All lives so far. */
  readonly lives: readonly Process[];
  /** Lives that ended without having been killed, and what they said last. */
  readonly strays: readonly string[];
  /** Gives the exit code; undefined where there is no life. */
  stop(signal?: NodeJS.Signals): Promise<number | null | undefined>;
}

const BACK_WITHIN_MS = 90_000;

export async function supervise<Process extends Daemon>(
  kind: string,
  startOne: () => Promise<Process>,
): Promise<Supervised<Process>> {
  const lives: Process[] = [];
  const strays: string[] = [];
  let current: Process | undefined;
  const start = async () => {
    for (const until = performance.now() + BACK_WITHIN_MS; ; await sleep(300)) {
      try {
        const life = await startOne();
        lives.push(life);
        current = life;
        life.child.once('exit', (code, signal) => {
          if (current === life) strays.push(`${kind} ended with ${code ?? signal}: ${life.lines.at(-1)}`);
        });
        return;
      } catch (error) {
        if (performance.now() > until) throw error;
      }
    }
  };
  const stop = async (signal?: NodeJS.Signals) => {
    const life = current;
    current = undefined;
    return life?.stop(signal);
  };
  await start();
  return {
    ...{ kind, lives, strays, stop },
    async killAndRestart(downMs) {
      await stop('SIGKILL');
      await sleep(downMs);
      await start();
    },
  };
}

interface KillOptions {
  readonly kills: number;
  readonly random: () => number;
  /** About what a victim takes to come back and do something. */
  readonly paceMs: number;
  readonly onKill: (kind: string) => void;
}

/** With so many others down the next one may still be killed; with more nothing would be under way. */
const MOST_DOWN = 1;

/** Kills one after the other in random order, each as often. Resolves when all are back. */
export async function killAtRandom(
  victims: readonly Victim[],
  { kills, random, paceMs, onKill }: KillOptions,
): Promise<void> {
  const down = new Map<Victim, Promise<void>>();
  let next: Victim[] = [];
  for (let count = 0; count < kills; count++) {
    if (next.length === 0) next = shuffled(victims, random);
    const victim = next.pop() as Victim;
    await sleep((0.3 + 0.7 * random()) * paceMs);
    await down.get(victim);
    while (down.size > MOST_DOWN) await Promise.race(down.values());
    onKill(victim.kind);
    const restarted = victim.killAndRestart(0.4 * random() * paceMs).then(() => void down.delete(victim));
    // It is told when it is waited for.
    restarted.catch(() => undefined);
    down.set(victim, restarted);
  }
  await Promise.all(down.values());
}
