import type { Trajectory } from '../../src/index.js';
import { startActor } from './episode.js';
import type { Sandbox } from './sandbox.js';
import type { Scaffold } from './scaffold/index.js';

/** What a trajectory comes to when it is played again. */
export interface Replay {
  /** Turns that were answered in another way, with what they were answered now. */
  readonly differing: readonly { readonly index: number; readonly observation: string }[];
  readonly patch: string | null;
}

/** Plays the recorded responses again, without the model, in a sandbox that has just been opened; its session is closed then. */
export async function replay(
  { episode, turns }: Pick<Trajectory, 'episode' | 'turns'>,
  { scaffold, sandbox, signal }: { scaffold: Scaffold; sandbox: Sandbox; signal: AbortSignal },
): Promise<Replay> {
  const { session } = sandbox;
  const act = startActor(episode.limits, { scaffold, session, signal });
  const differing: { index: number; observation: string }[] = [];
  for (const { index, response, observation } of turns) {
    const now = await act(response);
    if (now.observation !== observation) differing.push({ index, observation: now.observation });
  }
  await session.close();
  return { differing, patch: await sandbox.diff(signal) };
}
