import type { ComparedPair, Comparison } from '../../src/index.js';
import { interval, percent, score } from '../format.js';
import { code, table, text } from '../md/markdown.js';
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

/** A comparison as Markdown, with every win and loss. */
export function comparisonMarkdown(comparison: Comparison): string {
  const sections = [
    `# ${text(headline(comparison))}`,
    ...cautions(comparison).map((line) => `> ${text(line)}`),
    runs(comparison),
    ...comparison.pairs.flatMap((pair) => sectionsOf(pair, comparison)),
  ];
  return `${sections.join('\n\n')}\n`;
}

function runs({ runs: compared }: Comparison): string {
  const rows = compared.map(({ label, model, engine, passAt1 }, index) => [
    letter(index),
    text(label),
    text(model),
    text(engine),
    score(passAt1),
    String(passAt1.instances),
    `${percent(passAt1.rate)} %`,
    interval(passAt1),
  ]);
  return table(['', 'run', 'model', 'engine', 'resolved', 'of', 'rate', '95 % interval'], rows, [4, 5, 6, 7]);
}

function sectionsOf(pair: ComparedPair, comparison: Comparison): string[] {
  const [a, b] = [letter(pair.a), letter(pair.b)];
  const counts = pair.table;
  return [
    `## ${b} - ${a}: ${points(pair.difference)} points`,
    table(
      ['what', 'value', 'how'],
      [
        [
          '95 % interval',
          pointsInterval(pair.interval.byRepository),
          `paired bootstrap, repositories (${pair.byRepository.length}) drawn whole`,
        ],
        ['95 % interval', pointsInterval(pair.interval.byInstance), 'paired bootstrap, instances drawn'],
        ['standard error', size(pair.standardError.byRepository), 'clustered by repository'],
        ['standard error', size(pair.standardError.byInstance), 'over instances'],
        ['p', pWords(pair, comparison), testWords(pair)],
        ['smallest detectable difference', size(pair.smallestDetectable), '80 % power, alpha 0.05'],
      ],
    ),
    'Differences and errors are in percentage points.',
    ...(counts === null
      ? []
      : [
          table(
            ['', `${b} resolved`, `${b} not`],
            [
              [`${a} resolved`, String(counts.both), String(counts.onlyA)],
              [`${a} not`, String(counts.onlyB), String(counts.neither)],
            ],
            [1, 2],
          ),
        ]),
    table(
      ['repository', 'of', a, b, 'wins', 'losses'],
      pair.byRepository.map((row) => [
        text(row.repo),
        String(row.instances),
        scoreSum(row.a),
        scoreSum(row.b),
        String(row.wins),
        String(row.losses),
      ]),
      [1, 2, 3, 4, 5],
    ),
    list(`Wins of ${b} over ${a}`, pair.wins),
    list(`Losses of ${b} to ${a}`, pair.losses),
  ];
}

function list(title: string, ids: readonly string[]): string {
  return [`### ${title}: ${ids.length}`, ids.map(code).join(', ')].join('\n\n').trimEnd();
}
