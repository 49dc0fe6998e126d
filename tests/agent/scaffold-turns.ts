import { scaffolds } from '../../plugins/agent/scaffold/index.js';
import type { Scaffold, ScaffoldState, StepContext } from '../../plugins/agent/scaffold/types.js';
import { fakeSession } from './fake-session.js';

export function scaffoldNamed(name: string): Scaffold {
  const scaffold = scaffolds[name];
  if (scaffold === undefined) throw new Error(`no scaffold ${name}`);
  return scaffold;
}

/** Takes turns of one episode; each gets a command and gives its step. */
export function episode(
  session: StepContext['session'],
  { scaffold = 'tools', outputChars = 20_000 }: { scaffold?: string; outputChars?: number } = {},
) {
  const { start, step } = scaffoldNamed(scaffold);
  const limits = { seconds: 60, outputChars };
  let state: ScaffoldState = start();
  const say = async (text: string) => {
    const done = await step(text, { state, session, limits, signal: AbortSignal.timeout(60_000) });
    state = done.state;
    return done.step;
  };
  return {
    say,
    state: () => state,
    run: (command: string) => {
      const fence = '`'.repeat(9);
      return say(`${fence}${scaffold === 'bash' ? 'bash' : 'command'}\n${command}\n${fence}`);
    },
  };
}

export const FILE = '/repo/a.py';
export const THREE = 'one\ntwo\nthree\n';

export function longText(lines: number): string {
  return Array.from({ length: lines }, (_, i) => `line ${i + 1}\n`).join('');
}

/** What a command makes of a file that is open. */
export async function outcome(command: string, content: string | Uint8Array = THREE) {
  const session = fakeSession({ files: { [FILE]: content, '/repo/sub/b.py': 'b\n' } });
  const turns = episode(session);
  await turns.run('open a.py');
  const { observation } = await turns.run(command);
  return { session, observation, text: session.text(FILE), state: turns.state() };
}

/** The lines of a file that an observation shows. */
export function shown(observation: string): readonly string[] {
  return observation.split('\n').filter((line) => /^\d+:/.test(line));
}
