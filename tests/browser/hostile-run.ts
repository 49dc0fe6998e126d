import type { RunResults, Trajectory } from '../../src/index.js';
import { instance, PULL_LIMITED, runResults, verdict } from '../reports/run-results.js';
import { DECODING, episodeOf } from './episode.js';
import { pack } from './run-500.js';

/** What people have made pages run, break or lie with. */
export const PAYLOADS: readonly string[] = [
  '<script>pwned()</script>',
  '</script><script>pwned()</script>',
  '<!--<script>',
  '<img src=x onerror=pwned()>',
  '"><svg/onload=pwned()>',
  "'-pwned()-'",
  '</style><style>*{display:none}</style>',
  '</title></textarea></noscript><iframe srcdoc="<script>parent.pwned()</script>">',
  '<a href="javascript:pwned()">javascript:pwned()</a>',
  'data:text/html;base64,PHNjcmlwdD5wd25lZCgpPC9zY3JpcHQ+',
  '<meta http-equiv=refresh content="0;url=https://example.com/">',
  '<base href="https://example.com/"><form action="https://example.com/"><button>x</button></form>',
  `jaVasCript:/*-/*\`/*\\\`/*'/*"/**/(/* */oNcliCk=pwned() )//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd=pwned()//>\\x3e`,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a payload
  '${pwned()} {{constructor.constructor("pwned()")()}} <%= pwned() %>',
  '&lt;b&gt;&#60;i&#62;&amp;&nbsp;&',
  '__proto__',
  'constructor',
  'toString',
  '\u2028\u2029\u202etxt.exe\u2066\u200b\ufeff',
  '\u0000\u0007\b\u001bc\u007f\u0085\u009b31m',
  '\ud800 \udfff',
  `z${'\u0301'.repeat(10_000)}`,
  'عربي שלום ﷽ 🏴‍☠️',
  '9'.repeat(400),
  `${'W'.repeat(300)}/${'i'.repeat(300)}`,
  '%00%0d%0a%E0%A4%A ?#/..\\',
];

/** All of them on a line that says in which field it stands. */
export const hostile = (field: string): string => `[${field}] ${PAYLOADS.join(' ')} [end]`;

/** The same in the text of a patch or a log: on lines of its own, with one of a megabyte. */
export const hostileLines = (field: string): string =>
  [`[${field}]`, ...PAYLOADS, 'L'.repeat(1_000_000), '\u001b[31mred\u001b[0m', '[end]', ''].join('\n');

/** Ids that a file name can be. */
export const IDS = [
  '<img src=x onerror=pwned()>',
  '__proto__\'"',
  `${'a'.repeat(120)}<b>`,
  'infra\u202e \ud800',
] as const;

const [ID] = IDS;
const lists = (name: string) => ({
  success: [hostile(`${name} passed`), ...PAYLOADS],
  failure: [hostile(`${name} failed`), '__proto__', 'constructor'],
});

/** A run in which strangers have written whatever they can write. */
export const HOSTILE: RunResults = runResults(
  IDS.map((id) =>
    instance(id, {
      ...{ repo: hostile('repo'), difficulty: hostile('difficulty'), createdAt: '2025-05-01T00:00:00Z' },
      ...{ failToPass: [hostile('test')], passToPass: [...PAYLOADS], goldPatch: hostileLines('gold') },
      recipe: {
        name: 'x',
        source: { kind: 'git', repo: hostile('recipe repo'), commit: hostile('commit') },
        workdir: '/testbed',
        environment: { systemPackages: PAYLOADS, pythonPackages: [hostile('package')] },
        ...{ preInstall: [hostile('pre-install')], install: PAYLOADS, checks: [] },
      },
    }),
  ),
  [
    verdict(ID, {
      ...{ model: hostile('model'), outcome: 'unresolved', reason: hostile('reason') },
      ...{ detail: hostileLines('detail'), notes: [hostile('note'), ...PAYLOADS] },
      ...{ image: hostile('image'), imageDigest: hostile('digest'), appliedWith: hostile('applied') },
      ...{ engine: hostile('engine'), isolation: hostile('isolation'), key: hostile('key') },
      imagePython: { requested: hostile('asked'), has: hostile('python') },
      tests: { FAIL_TO_PASS: lists('F2P'), PASS_TO_PASS: lists('P2P') },
      seconds: { [hostile('phase')]: 1e300, test: 1e-9 },
      strict: {
        ...{ resolved: false, reason: 'tampered', detail: hostileLines('strict') },
        guarded: [{ path: hostile('guarded'), guard: hostile('guard') }],
        reaches: [hostile('reaches'), ...PAYLOADS],
        inverted: { tests: 9, passed: [hostile('inverted')], ended: hostile('ended') },
      },
    }),
    verdict(IDS[1]),
    verdict(IDS[3], { ...PULL_LIMITED, detail: hostile('infra') }),
  ],
  {
    ...{ dataset: hostile('dataset'), model: hostile('run model'), predictions: hostile('predictions') },
    options: { dataset: hostile('dataset option'), predictions: hostile('file') },
  },
);

const EPISODE: Trajectory = {
  episode: episodeOf(ID, {
    ...{ model: hostile('agent'), scaffold: hostile('scaffold') },
    prompt: [{ role: 'system', content: hostileLines('prompt') }],
    limits: {
      ...{ turns: 9, contextTokens: 9, commandSeconds: 9, episodeSeconds: 9 },
      ...{ observationChars: 9, gradeUnsubmitted: true },
    },
  }),
  turns: PAYLOADS.map((payload, index) => ({
    ...{ index: index + 1, response: index === 0 ? hostileLines('response') : payload },
    ...{ command: index === 0 ? hostile('command') : payload, observation: hostile(`observation ${index}`) },
    ...{ exitCode: 1e9, finishReason: 'stop', decoding: DECODING, confirmed: null },
    ...{
      usage: { promptTokens: 1e15, completionTokens: 1, cost: 1e-9 },
      seconds: { policy: 1e9, command: 0 },
    },
  })),
};

/** What stands behind the clicks of its page. */
export const EVIDENCE = {
  patch: async (instanceId: string) =>
    instanceId === ID ? hostileLines('patch') : hostileDiff(hostile('path').replaceAll('\n', ' ')),
  logs: async () => [{ name: 'test' as const, ...(await pack(hostileLines('log'))) }],
  episodes: async (instanceId: string) => new Map(instanceId === ID ? [[1, EPISODE]] : []),
};

/** A diff that can be shown line by line, in a file of a hostile name. */
function hostileDiff(path: string): string {
  const lines = hostileLines('added').trimEnd().replace(/\r/g, '').split('\n');
  return `--- a/${path}\n+++ b/${path}\n@@ -0,0 +1,${lines.length} @@\n${lines.map((line) => `+${line}\n`).join('')}`;
}
