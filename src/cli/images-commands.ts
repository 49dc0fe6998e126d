import type { Command, CommandGroup } from './command.js';
import { BUILD_FLAGS, DATASET_FLAGS, JSON_FLAG, PULL_FLAGS, SELECTION_FLAGS, withGroups } from './flags.js';

const DATASET = { type: 'string', desc: 'Alias (verified, rebench, ...), Hub id, or file' } as const;

const ROWS = { 'Dataset:': DATASET_FLAGS, 'Selection, in this order:': SELECTION_FLAGS } as const;

const actions: readonly Command[] = [
  {
    command: 'plan <dataset>',
    describe: 'Show environments, sizes and what is missing; builds nothing',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', DATASET)
          .example('$0 images plan verified', 'the 63 environments of Verified, the heaviest first')
          .example('$0 images plan verified --repo sympy/sympy --json', 'one repository, for a program'),
        { 'Plan:': { base: BUILD_FLAGS.base, ...JSON_FLAG }, ...ROWS },
      ),
    run: async (args, host) => (await import('./images-plan.js')).planCommand(args, host),
  },
  {
    command: 'build <dataset>',
    describe: 'Build the images of the chosen instances',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', DATASET)
          .example('$0 images build verified -i pallets__flask-5014 --base 3.11=my-python:3.11', ''),
        {
          'Build:': {
            ...BUILD_FLAGS,
            workers: { alias: 'j', type: 'number', default: 2, desc: 'Images at once' },
            ...JSON_FLAG,
          },
          ...ROWS,
        },
      ),
    run: async (args, host) => (await import('./images.js')).imagesCommand(args, host),
  },
  {
    command: 'pull <dataset>',
    describe: 'Pull the published images that are missing; the same command again goes on',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', DATASET)
          .example('$0 images pull verified', 'before a long run')
          .example('$0 images pull verified --rate 0 -j 8', 'from a registry without limits'),
        {
          'Pull:': {
            ...PULL_FLAGS,
            jobs: { alias: ['j', 'workers'], type: 'number', default: 4, desc: 'Images at once' },
            ...JSON_FLAG,
          },
          ...ROWS,
        },
      ),
    run: async (args, host) => (await import('./images-pull.js')).pullCommand(args, host),
  },
  {
    command: 'check <dataset>',
    describe: 'Say which images are there, can be built, or are missing; exit 3 unless all are there',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', DATASET)
          .example('$0 images check verified', 'before a long run')
          .example('$0 images check verified --repo sympy/sympy --deep', 'looks for leaks inside each image'),
        {
          'Check:': {
            deep: {
              type: 'boolean',
              default: false,
              desc: 'Look inside each image for a future commit, byte code, or the answer',
            },
            jobs: { alias: ['j', 'workers'], type: 'number', default: 2, desc: 'Images at once' },
            ...JSON_FLAG,
          },
          ...ROWS,
        },
      ),
    run: async (args, host) => (await import('./images-check.js')).checkCommand(args, host),
  },
  {
    command: 'list',
    describe: 'List the images that assay built or pulled, with the bytes that removing each would free',
    builder: (yargs) => withGroups(yargs.example('$0 images list', ''), { 'Options:': JSON_FLAG }),
    run: async (args, host) => (await import('./images-list.js')).listCommand(args, host),
  },
  {
    command: 'push <dataset>',
    describe: 'Push instance images to a registry; layers that it has are not sent again',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', DATASET)
          .example('$0 images push verified --repo sympy/sympy --to registry.example.org/team', ''),
        {
          'Push:': {
            to: { type: 'string', demandOption: true, desc: 'REGISTRY/NAMESPACE' },
            jobs: { alias: ['j', 'workers'], type: 'number', default: 2, desc: 'Images at once' },
            ...JSON_FLAG,
          },
          ...ROWS,
        },
      ),
    run: async (args, host) => (await import('./images-push.js')).pushCommand(args, host),
  },
  {
    command: 'export <dataset>',
    describe: 'Write what the images of the chosen instances are made from into a folder, for another host',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', DATASET)
          .example(
            '$0 images export verified -o verified-images',
            'bases, environments, git packs: no instance layer',
          )
          .example('$0 images import verified-images', 'on the other host'),
        {
          'Export:': {
            output: { alias: 'o', type: 'string', demandOption: true, desc: 'Folder' },
            overwrite: { type: 'boolean', default: false, desc: 'Make it anew where there is one' },
            base: BUILD_FLAGS.base,
            mirror: BUILD_FLAGS.mirror,
            locks: BUILD_FLAGS.locks,
            ...JSON_FLAG,
          },
          ...ROWS,
        },
      ),
    run: async (args, host) => (await import('./images-export.js')).exportCommand(args, host),
  },
  {
    command: 'import <folder>',
    describe: 'Load an export and build its instances; exit 4 when an image differs from the exported one',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('folder', { type: 'string', desc: 'What `assay images export` wrote' })
          .example(
            '$0 images import verified-images -j 4',
            'needs no network; again goes on where it stopped',
          ),
        {
          'Import:': {
            build: { type: 'boolean', default: true, desc: 'Build the instances; --no-build only loads' },
            jobs: { alias: ['j', 'workers'], type: 'number', default: 2, desc: 'Images at once' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./images-export.js')).importCommand(args, host),
  },
  {
    command: 'prune',
    describe: 'Remove the least recently used images until the rest fits; never one in use',
    builder: (yargs) =>
      withGroups(
        yargs
          .example('$0 images prune --keep 50GB --dry-run', 'what would go')
          .example('$0 images prune --keep 50GB --published', 'also published images that assay pulled'),
        {
          'Prune:': {
            keep: { type: 'string', demandOption: true, desc: 'Size to get down to: 50GB, 500MB' },
            published: {
              type: 'boolean',
              default: false,
              desc: 'Also published images that assay pulled',
            },
            'dry-run': { type: 'boolean', default: false, desc: 'Show what would go, and stop' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./images-prune.js')).pruneCommand(args, host),
  },
];

/** `assay images ACTION`. */
export const imagesCommands: CommandGroup = {
  command: 'images',
  describe: 'plan, build, pull, check, list, push, export, import or prune images',
  example: ['$0 images plan verified', 'what there is to build or to pull, and how large it is'],
  actions,
};
