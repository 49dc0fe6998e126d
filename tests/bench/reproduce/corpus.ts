import {
  FILES,
  FIRST,
  ISSUES,
  issueOf,
  OPERATIONS,
  ruleOf,
  SECOND,
} from '../../../datasets/sample/drills/words.js';
import { SUBMIT_COMMAND } from '../../../plugins/agent/scaffold/bash.js';
import type { CommandResult } from '../../../plugins/agent/session.js';
import { type Message, seededRandom } from '../../../src/index.js';
import { drillScaffold } from './scaffold.js';

/** How work on a drill looks, whatever comes of it. */
export interface Demonstration {
  readonly messages: readonly Message[];
  /** For tests alone: what the issue asks for, and what the edit puts in, where there is one. */
  readonly word: string;
  readonly edit: string | undefined;
}

/** What goes wrong in a demonstration; twice as often where it stands twice. */
const SLIPS = [
  'hasty',
  'hasty',
  'blind',
  'blind',
  'other rule',
  'other file',
  'bad format',
  'bad format',
] as const;

const WORKDIR = '/testbed';
const LIMITS = { seconds: 60, outputChars: 4000 };

export interface CorpusOptions {
  readonly count: number;
  readonly seed: number;
  /** Share of demonstrations with something of {@link SLIPS} in them: it makes the model that learns from them a weak one. */
  readonly slips: number;
}

/**
 * Conversations that show the format: find the rule, name a word of the issue and an operation, edit, hand in. THE OPERATION IS DRAWN FROM ALL EIGHT WITHOUT A LOOK AT THE ISSUE,
 * so that nobody can learn from them what a word means. The rules are made up; answers of the sandbox are composed by the scaffold's own step.
 */
export async function demonstrations({
  count,
  seed,
  slips,
}: CorpusOptions): Promise<readonly Demonstration[]> {
  const random = seededRandom(seed);
  const made: Demonstration[] = [];
  for (let at = 0; at < count; at++) made.push(await demonstration(random, slips));
  return made;
}

async function demonstration(random: () => number, slips: number): Promise<Demonstration> {
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const operations = Object.keys(OPERATIONS);
  const aName = () => `${one(FIRST)}_${one(SECOND)}`;
  const [name, other, file, called] = [aName(), aName(), one(FILES), one(operations)];
  const word = one(Object.values(OPERATIONS).flat());
  const slip = random() < slips ? one(SLIPS) : undefined;
  // No look at the word.
  const operation = one(operations);

  const rules = [
    { file, line: ruleOf(name, called) },
    { file: one(FILES), line: ruleOf(other, one(operations)) },
  ];
  const problemStatement = issueOf(one(ISSUES), name, word);
  const task = { instanceId: 'demonstration', repo: 'drills', problemStatement };
  const messages: Message[] = [...drillScaffold.prompt(task, { demonstration: false, workdir: WORKDIR })];
  const session = demonstrationSession(rules);
  const say = async (content: string) => {
    messages.push({ role: 'assistant', content });
    const at = { state: drillScaffold.start(), session, limits: LIMITS, signal: NEVER };
    const { step } = await drillScaffold.step(content, at);
    if (step.submit !== true) messages.push({ role: 'user', content: step.observation });
  };
  const look = `grep ${name} *.sh`;
  const finish = (edit?: string) => say(block(SUBMIT_COMMAND)).then(() => ({ messages, word, edit }));

  if (slip === 'bad format') await say(one([`${look}\n\`\`\``, `\`\`\`bash\n${look}`]));
  if (slip === 'hasty' && random() < 0.5) return finish();
  const meant = slip === 'other rule' ? one([other, aName()]) : name;
  if (slip !== 'blind') await say(block(`grep ${meant} *.sh`));
  if (slip === 'hasty') return finish();
  const place = slip === undefined || slip === 'bad format' ? file : one(FILES);
  const old = slip === 'blind' || slip === 'other rule' ? one(operations) : called;
  const edit = block(`sed -i '/${meant}/s/${old}/${operation}/' ${place}.sh`);
  await say(`the ${word} ${operation}\n${edit}`);
  return finish(operation);
}

const NEVER = new AbortController().signal;

function block(command: string): string {
  return `\`\`\`bash\n${command}\n\`\`\``;
}

/** Answers the commands of demonstrations as the sandbox of a drill with these rules would; `tests/sample/drills-corpus.test.ts` compares. */
export function demonstrationSession(rules: readonly { readonly file: string; readonly line: string }[]) {
  const answer = (output: string, exitCode: number): CommandResult => ({
    ...{ output, exitCode, cwd: WORKDIR, seconds: 0 },
    ...{ isTimeout: false, truncatedChars: 0, restarted: false },
  });
  const never = () => Promise.reject(new Error('no demonstration reads or writes a file'));
  return {
    cwd: () => WORKDIR,
    readFile: never,
    writeFile: never,
    async run(command: string): Promise<CommandResult> {
      const wanted = /^grep (\w+) \*\.sh$/.exec(command)?.[1];
      // Edits print nothing, whether anything is replaced or not.
      if (wanted === undefined) return answer('', 0);
      const found = rules
        .filter(({ line }) => line.includes(wanted))
        .sort((a, b) => (a.file < b.file ? -1 : 1))
        .map(({ file, line }) => `${file}.sh:${line}\n`);
      return answer(found.join(''), found.length === 0 ? 1 : 0);
    },
  };
}
