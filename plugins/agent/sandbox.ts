import type { Clock, Container } from '../../src/index.js';
import { diffSince, headOf } from './diff.js';
import { openSession, type Session } from './session.js';

/** Where an episode acts: a container of the instance, with a shell that keeps its state. */
export interface Sandbox {
  readonly session: Session;
  /** What changed in the tree since the episode began, new files included; null where git can't tell any more, or it is over 10 MiB. */
  diff(signal: AbortSignal): Promise<string | null>;
}

interface SandboxOptions {
  readonly workdir: string;
  /** Shell lines that make the environment active. */
  readonly activation: string;
  readonly clock: Clock;
  /** Of the sandbox as long as it lives. */
  readonly signal: AbortSignal;
  /** Of its start alone. */
  readonly starting?: AbortSignal;
}

/** Opens the shell of an episode in a started container. */
export async function openSandbox(
  container: Container,
  { workdir, activation, clock, signal, starting = signal }: SandboxOptions,
): Promise<Sandbox> {
  const place = { container, workdir };
  const base = await headOf(place, starting);
  const session = await openSession(container, { workdir, activation, clock, signal });
  return {
    session,
    diff: async (bound) => (base === undefined ? null : diffSince(base, place, bound)),
  };
}
