import type { Clock, Container } from '../../src/index.js';
import { diffSince, headOf } from './diff.js';
import { openSession, type Session } from './session.js';

/** Where an episode acts: a container of the instance, with a shell that keeps its state. */
export interface Sandbox {
  readonly session: Session;
  /** The commit that the tree was at when the episode began; undefined where git can't tell. */
  readonly base: string | undefined;
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
  /** What is known from another container of the same image, where nothing has run yet either: git is not asked. */
  readonly base?: string | undefined;
}

/** Opens the shell of an episode in a started container. */
export async function openSandbox(
  container: Container,
  { workdir, activation, clock, signal, starting = signal, base: known }: SandboxOptions,
): Promise<Sandbox> {
  const place = { container, workdir };
  const base = known ?? (await headOf(place, starting));
  const session = await openSession(container, { workdir, activation, clock, signal });
  return {
    ...{ session, base },
    diff: async (bound) => (base === undefined ? null : diffSince(base, place, bound)),
  };
}
