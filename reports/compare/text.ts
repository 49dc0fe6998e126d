import type { ComparedPair, Comparison } from '../../src/index.js';
import { interval, oneLine, percent, score } from '../format.js';
import { align } from '../terminal/table.js';
import {
  cautions,
  headline,
  letter,
  points,
  pointsInterval,
  pWords,
  scoreSum,
  size,
  testWords,
} from './words.js';

/** More wins or losses than this are counted; the files have all. */
const SHOWN = 10;

/** A comparison for a terminal: plain text, aligned; ends in a newline. */
export function comparisonText(comparison: Comparison): string {
  const blocks = [
    [headline(comparison)],
    runLines(comparison),
    ...[cautions(comparison)].filter((lines) => lines.length > 0),
    ...comparison.pairs.flatMap((pair) => pairBlocks(pair, comparison)),
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function runLines({ runs }: Comparison): string[] {
  const rows = runs.map(({ label, passAt1 }, index) => [
    letter(index),
    oneLine(label),
    score(passAt1),
    String(passAt1.instances),
    `${percent(passAt1.rate)} %`,
    interval(passAt1),
  ]);
  return align([['', 'run', 'resolved', 'of', 'rate', '95 % interval'], ...rows], 'llrrrr');
}

function pairBlocks(pair: ComparedPair, comparison: Comparison): readonly (readonly string[])[] {
  const [a, b] = [letter(pair.a), letter(pair.b)];
  const { table, byRepository } = pair;
  const facts = align(
    [
      [
        '95 % interval',
        pointsInterval(pair.interval.byRepository),
        `bootstrap, repositories (${byRepository.length}) drawn whole`,
      ],
      ['', pointsInterval(pair.interval.byInstance), 'bootstrap, instances drawn'],
      ['standard error', size(pair.standardError.byRepository), 'by repository'],
      ['', size(pair.standardError.byInstance), 'instances'],
      ['p', pWords(pair, comparison), testWords(pair)],
      [
        'detectable',
        size(pair.smallestDetectable),
        'smallest difference found with 80 % power at alpha 0.05',
      ],
    ],
    'lll',
  );
  return [
    [`${b} - ${a}  ${points(pair.difference)} points`, ...facts.map((line) => `  ${line}`)],
    ...(table === null
      ? []
      : [
          align(
            [
              ['', `${b} resolved`, `${b} not`],
              [`${a} resolved`, String(table.both), String(table.onlyA)],
              [`${a} not`, String(table.onlyB), String(table.neither)],
            ],
            'lrr',
          ),
        ]),
    ...(byRepository.length < 2 ? [] : [repositoryLines(pair)]),
    list(`wins of ${b} over ${a}`, pair.wins),
    list(`losses of ${b} to ${a}`, pair.losses),
  ];
}

function repositoryLines(pair: ComparedPair): string[] {
  const rows = pair.byRepository.map(({ repo, instances, a, b, wins, losses }) => [
    oneLine(repo),
    String(instances),
    scoreSum(a),
    scoreSum(b),
    String(wins),
    String(losses),
  ]);
  return align([['repository', 'of', letter(pair.a), letter(pair.b), 'wins', 'losses'], ...rows], 'lrrrrr');
}

function list(title: string, ids: readonly string[]): string[] {
  const rest = ids.length - SHOWN;
  return [
    `${title}: ${ids.length}`,
    ...ids.slice(0, SHOWN).map((id) => `  ${oneLine(id)}`),
    ...(rest > 0 ? [`  ... and ${rest} more, in -o FILE.md or --json`] : []),
  ];
}
