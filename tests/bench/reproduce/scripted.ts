import { drills } from '../../../datasets/sample/drills/drills.js';
import { issueOf, OPERATIONS } from '../../../datasets/sample/drills/words.js';
import type { Conversation, Policy } from '../../../plugins/agent/policy/policy.js';
import { SUBMIT_COMMAND } from '../../../plugins/agent/scaffold/bash.js';

/** A policy that works on drills as the demonstrations show it, with the operation that `choose` gives for a word of an issue. */
export function scriptedPolicy(choose: (word: string) => string): Policy {
  const byIssue = new Map(drills().map((drill) => [issueOf(drill.phrase, drill.name, drill.word), drill]));
  const usage = { promptTokens: 0, completionTokens: 0 };
  const decoding = { temperature: 1, topP: 1, topK: -1, minP: 0, repetitionPenalty: 1, maxTokens: 1 };
  const controls = { ...decoding, presencePenalty: 0, frequencyPenalty: 0 };
  return {
    mode: 'chat',
    sample: async (conversation) => ({
      ...{ text: textOf(conversation), finishReason: 'stop', usage },
      ...{ decoding: controls, confirmed: null },
    }),
  };

  function textOf({ messages, turns }: Conversation): string {
    const drill = byIssue.get(messages[0]?.content ?? '');
    if (drill === undefined) throw new Error(`no drill has the issue ${messages[0]?.content}`);
    const { name, word } = drill;
    const commands = [
      () => `grep ${name} *.sh`,
      () => {
        const [, file, called] = /^(\w+)\.sh:\w+\(\) \{ (\w+) /.exec(turns[0]?.observation ?? '') ?? [];
        return `sed -i '/${name}/s/${called}/${choose(word)}/' ${file}.sh`;
      },
      () => SUBMIT_COMMAND,
    ];
    return `\`\`\`bash\n${commands[turns.length]?.() ?? SUBMIT_COMMAND}\n\`\`\``;
  }
}

/** The operation that a word means. */
export function meaningOf(word: string): string {
  return Object.entries(OPERATIONS).find(([, words]) => words.includes(word))?.[0] ?? '';
}
