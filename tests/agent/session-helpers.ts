import { type CommandResult, openSession, type Session } from '../../plugins/agent/session.js';
import type { Container } from '../../src/index.js';
import { testClock } from '../helpers/jobs.js';

export const forever: AbortSignal = new AbortController().signal;

/** Runs with limits that no sound command meets. */
export function run(session: Session, command: string, seconds = 60, outputChars = 20_000) {
  return session.run(command, { seconds, outputChars }, forever);
}

export async function outputOf(session: Session, command: string): Promise<string> {
  return (await run(session, command)).output;
}

/** What a command that must be stopped after half a second came to. */
export function runShort(session: Session, command: string): Promise<CommandResult> {
  return run(session, command, 0.5);
}

export function open(container: Container, activation = ''): Promise<Session> {
  return openSession(container, { workdir: '/testbed', activation, clock: testClock(), signal: forever });
}
