import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openSession, type Session } from '../../plugins/agent/session.js';
import type { Container } from '../../src/index.js';
import { type Bench, makeBench, usableIsolations } from '../engine/local/sandbox-helpers.js';
import { testClock } from '../helpers/jobs.js';
import { episode } from './scaffold-turns.js';

const [isolation = 'auto'] = await usableIsolations();

describe('the tools in a real session', () => {
  let bench: Bench;
  let container: Container;
  let session: Session;
  let root = '';
  beforeAll(async () => {
    bench = await makeBench(isolation);
    await bench.importSample();
  });
  afterAll(() => bench.remove());
  beforeEach(async () => {
    container = await bench.start();
    const signal = new AbortController().signal;
    session = await openSession(container, {
      workdir: '/testbed',
      activation: ':',
      clock: testClock(),
      signal,
    });
    root = session.cwd();
  });
  afterEach(async () => {
    await session.close();
    await container.destroy();
  });

  /** Runs commands one after the other; the last observation, with the repository as `/repo`. */
  async function last(...commands: string[]): Promise<string> {
    const { run } = episode(session);
    let observation = '';
    for (const command of commands) observation = (await run(command)).observation;
    return observation.replaceAll(root, '/repo');
  }

  test('make, change, show and search a file', async () => {
    expect(
      await last(
        'mkdir -p new && cd new',
        'create "a b.txt"',
        "edit 1:1 <<'EOF'\n$HOME `x` \\n\nthree\n  four\nEOF",
        "replace 'three\n' \"it's 3\n\"",
        'cat a*',
      ),
    ).toBe("$HOME `x` \\n\nit's 3\n  four\n[cwd: /repo/new | open file: /repo/new/a b.txt]");
    expect(await last('search_file 3 "a b.txt"')).toBe(
      '1 line of /repo/new/a b.txt with "3":\n2:it\'s 3\n[cwd: /repo/new | open file: none]',
    );
  });

  test('keep bytes, line endings and modes', async () => {
    const observation = await last(
      "printf '\\xe9\\r\\nb\\xff\\r\\nc' > latin && chmod 750 latin",
      'edit --file latin 2:2 ü',
      'od -An -tx1 latin; stat -c %a latin',
    );
    expect(observation).toBe(' e9 0d 0a fc 0d 0a 63\n750\n[cwd: /repo | open file: none]');
  });

  test.each<readonly [string, RegExp]>([
    ['open missing', /^Error: \/repo\/missing isn't there, or is a folder\n/],
    ['open .', /^Error: .*\n/],
    ['create .', /^Error: .*\n/],
    ['create missing/x', /^Error: .*No such file or directory.*\n/],
    ['open huge', /^Error: \/repo\/huge.*\n/],
    ['open "a\nb"', /^\[\/repo\/a\nb: 1 line\]\n1:odd\n/],
  ])('of %j', async (command, observation) => {
    await last("printf 'odd\\n' > $'a\\nb'; truncate -s 20M huge");
    expect(await last(command)).toMatch(observation);
  });

  test('see what background processes and shell commands change', async () => {
    expect(await last('echo 1 > f', 'open f', 'echo 2 >> f', 'open')).toContain('\n1:1\n2:2\n');
    expect(await last('exit 3')).toBe(
      '(no output)\n[exit code 3]\n[the shell had ended; in the new one variables, functions and jobs are gone]\n[cwd: /repo | open file: none]',
    );
  });
});
