import type { Command } from './command.js';
import { DATASET_FLAGS, ENGINE_FLAGS, SELECTION_FLAGS, withGroups } from './flags.js';
import { INSTANCE_IMAGE_FLAGS, QUEUE_FLAG, RUN_FLAGS } from './run-flags.js';

const SERVICE_FLAGS = {
  host: {
    type: 'string',
    default: '127.0.0.1',
    desc: 'Address to listen on; other than loopback only with tokens',
  },
  port: { type: 'number', default: 8642, desc: 'Port to listen on; 0: any free one' },
  state: { type: 'string', desc: 'Folder of verdicts and unfinished work; default: in the cache' },
  'token-file': {
    type: 'string',
    desc: 'One client a line, NAME TOKEN; default: ASSAY_TOKEN, else no token is asked for',
  },
  'tls-cert': { type: 'string', desc: 'PEM file: serve HTTPS' },
  'tls-key': { type: 'string', desc: 'PEM file of its key' },
  'tls-client-ca': { type: 'string', desc: 'PEM file: clients need a certificate that it signed' },
  'allow-inline': {
    type: 'boolean',
    default: false,
    desc: 'Take rows from clients: their eval scripts and images are run',
  },
  rewards: {
    type: 'string',
    desc: 'ES module whose exports are further rewards: (verdict, inputs) => number',
  },
} as const;

const LOAD_FLAGS = {
  workers: { ...RUN_FLAGS.workers, desc: 'Gradings at once; default min(0.75 x cores, free memory / 4 GiB)' },
  'max-queue': {
    type: 'number',
    default: 10000,
    desc: 'Most gradings that wait; further ones are refused with 503',
  },
  'max-body': { type: 'string', default: '10m', desc: 'Most bytes of a request' },
  'client-concurrency': { type: 'number', default: 4096, desc: 'Most answers that one client waits for' },
  'client-rate': {
    type: 'string',
    default: '0',
    desc: 'Most requests of one client, COUNT/TIME; 0: no limit',
  },
  warm: { type: 'number', desc: 'Most containers that wait for announced instances; default: workers' },
  'cache-memory': { type: 'string', default: '64m', desc: 'Verdicts that are kept in memory' },
  retries: RUN_FLAGS.retries,
} as const;

/** Time of each phase of a grading. */
export const TEST_FLAGS = {
  timeout: RUN_FLAGS.timeout,
  'timeout-pull': RUN_FLAGS['timeout-pull'],
  'timeout-start': RUN_FLAGS['timeout-start'],
  'timeout-apply': RUN_FLAGS['timeout-apply'],
} as const;

export const serveCommand: Command = {
  command: 'serve <datasets..>',
  describe: 'Serve verdicts as rewards over HTTP',
  builder: (yargs) =>
    withGroups(
      yargs
        .positional('datasets', { type: 'string', array: true, desc: 'Aliases, Hub ids, or files' })
        .example('$0 serve sample', 'the bundled benchmark, no Docker needed')
        .example('$0 serve verified rebench -j 16 --host 0.0.0.0 --token-file tokens', 'for other machines')
        .example(
          'curl localhost:8642/v1/score -H \'content-type: application/json\' -d \'{"instance_id": "assay-sample__tempo-1", "patch": "..."}\'',
          'a reward',
        )
        .epilogue(
          'The interface is described at /openapi.json and in docs/serve.md. SIGTERM or Ctrl-C lets running gradings end; the rest is graded at the next start.',
        ),
      {
        'Service:': { ...SERVICE_FLAGS, ...QUEUE_FLAG },
        'Load:': LOAD_FLAGS,
        'Tests:': {
          ...TEST_FLAGS,
          reinstall: {
            ...RUN_FLAGS.reinstall,
            default: 'auto',
            desc: 'auto: leave out the re-install of a script where `assay prove` has shown that it changes nothing for such a patch; always: scripts run whole',
          },
        },
        'Engine:': ENGINE_FLAGS,
        'Images:': INSTANCE_IMAGE_FLAGS,
        'Dataset:': DATASET_FLAGS,
        'Selection, in this order:': SELECTION_FLAGS,
      },
    ),
  run: async (args, host) => (await import('./serve.js')).serve(args, host),
};
