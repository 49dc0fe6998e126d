import type { Command } from './command.js';
import { JSON_FLAG, withGroups } from './flags.js';

export const compareCommand: Command = {
  command: 'compare <runs..>',
  describe: 'Compare runs instance by instance: wins and losses, exact test, interval of the difference',
  builder: (yargs) =>
    withGroups(
      yargs
        .positional('runs', {
          type: 'string',
          array: true,
          desc: 'Run folders; the first is what the others are held against',
        })
        .example('$0 compare runs/verified.a runs/verified.b', 'is b better than a?')
        .example('$0 compare runs/a runs/b runs/c -o compare.md', 'every two, p-values adjusted by Holm')
        .example('$0 compare runs/a runs/b -o compare.html', 'a page with forest plots, wins and losses')
        .example('$0 compare runs/main runs/new --fail-on-regression', 'exit 5 when new is worse')
        .epilogue(
          'Exit codes with --fail-on-regression: 5 a run is significantly worse than the first; 4 it can not be told: infrastructure errors, or attempts without a verdict. What each number means: docs/compare.md.',
        ),
      {
        'Options:': {
          intersect: {
            type: 'boolean',
            default: false,
            desc: 'Compare the instances that all runs have with the same row',
          },
          strict: {
            type: 'boolean',
            default: false,
            desc: 'Compare the strict verdicts instead of the official ones',
          },
          'fail-on-regression': {
            type: 'boolean',
            default: false,
            desc: 'Exit 5 when a run is worse than the first, its adjusted p below --alpha',
          },
          alpha: { type: 'number', default: 0.05, desc: 'For --fail-on-regression' },
          output: { alias: 'o', type: 'string', desc: 'Also write a file: FILE.md, FILE.json or FILE.html' },
          plots: { type: 'string', desc: 'Also write the charts as SVG files into this folder' },
          ...JSON_FLAG,
        },
      },
    ),
  run: async (args, host) => (await import('./compare.js')).compare(args, host),
};
