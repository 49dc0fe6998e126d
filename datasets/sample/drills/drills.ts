import { seededRandom, shuffled } from '../../../src/index.js';
import { FILES, FIRST, ISSUES, issueOf, OPERATIONS, ruleOf, SECOND } from './words.js';

/** A rule of the tree that calls the wrong operation, and the issue that says what it should do. */
export interface Drill {
  readonly split: 'train' | 'heldout';
  readonly name: string;
  /** One of {@link FILES}. */
  readonly file: string;
  readonly word: string;
  readonly phrase: string;
  /** The operation that it calls in the tree, and the one that the issue means. */
  readonly wrong: string;
  readonly right: string;
  /** Two numbers that tell the right operation from any other, in one order or the other. */
  readonly numbers: readonly [number, number];
}

const SEED = 1;
const TRAIN_PER_WORD = 4;
const HELDOUT_PER_WORD = 3;

/** For whole numbers, as the tree's shell has them. */
const COMPUTE: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
  mul: (a, b) => a * b,
  mod: (a, b) => a % b,
  sub: (a, b) => a - b,
  avg: (a, b) => Math.trunc((a + b) / 2),
  div: (a, b) => Math.trunc(a / b),
};

/**
 * All drills, the same at each call. Each word for an operation stands in as many issues as any other. In each phrase it is either trained or held out, and no name is in
 * both parts; but all pieces of which held-out drills are made stand in drills that are trained.
 */
export function drills(): readonly Drill[] {
  const random = seededRandom(SEED);
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  // One after the other they use each piece as often as any other.
  const names = shuffled(
    SECOND.map((_, shift) => shift),
    random,
  ).flatMap((shift) => FIRST.map((first, at) => `${first}_${SECOND[(at + shift) % SECOND.length]}`));
  const words = Object.entries(OPERATIONS).flatMap(([right, two]) => two.map((word) => ({ right, word })));
  const of = (split: Drill['split'], count: number) => {
    const own = shuffled(names.splice(0, words.length * count), random);
    return words.flatMap(({ right, word }, at) => {
      const phrases = ISSUES.filter((_, index) => (index + at) % ISSUES.length < 2 === (split === 'heldout'));
      return Array.from({ length: count }, (_, index): Drill => {
        const wrong = one(Object.keys(OPERATIONS).filter((operation) => operation !== right));
        return {
          ...{ split, word, right, wrong },
          phrase: phrases[index % phrases.length] as string,
          name: own.pop() as string,
          file: one(FILES),
          numbers: one(TELLING),
        };
      });
    });
  };
  return [...of('train', TRAIN_PER_WORD), ...of('heldout', HELDOUT_PER_WORD)];
}

/** Pairs for which each operation gives other results than any other. */
const DIGITS = [2, 3, 4, 5, 6, 7, 8, 9];
const TELLING = DIGITS.flatMap((a) => DIGITS.map((b) => [a, b] as const)).filter(([a, b]) => {
  const results = Object.values(COMPUTE).map((compute) => `${compute(a, b)} ${compute(b, a)}`);
  return new Set(results).size === results.length;
});

const CHECK = `# Prints TAP: each rule is run in a shell of its own.
. ./lib.sh
count=0

tell() { # whether, name
  count=$((count + 1))
  if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# A rule gives a whole number.
whole() { # rule, two numbers
  case $("$1" "$2" "$3" 2>&1) in '' | *[!0-9-]*) tell 1 "$1 gives a number" ;; *) tell 0 "$1 gives a number" ;; esac
}

# A rule gives this number.
check() { # rule, two numbers, result
  [ "$("$1" "$2" "$3" 2>&1)" = "$4" ]
  tell $? "$1 of $2 and $3"
}
`;

const LIBRARY = `# What rules call: each takes two whole numbers and prints one.
add() { echo $(($1 + $2)); }
avg() { echo $((($1 + $2) / 2)); }
div() { echo $(($1 / $2)); }
max() { echo $(($1 > $2 ? $1 : $2)); }
min() { echo $(($1 < $2 ? $1 : $2)); }
mod() { echo $(($1 % $2)); }
mul() { echo $(($1 * $2)); }
sub() { echo $(($1 - $2)); }
`;

/** The tree that all drills share: path -> content. */
export function drillTree(all: readonly Drill[]): Readonly<Record<string, string>> {
  return {
    'lib.sh': LIBRARY,
    ...Object.fromEntries(FILES.map((file) => [`${file}.sh`, textOf(linesOf(file, all))])),
    'tests/check.sh': CHECK,
  };
}

/** The tests of a drill, and the patch that adds them. */
export function testOf({ name, file, right, numbers: [a, b] }: Drill) {
  const result = (x: number, y: number) => COMPUTE[right]?.(x, y);
  const lines = [
    `. tests/check.sh`,
    `. ./${file}.sh`,
    `whole ${name} ${a} ${b}`,
    `check ${name} ${a} ${b} ${result(a, b)}`,
    `check ${name} ${b} ${a} ${result(b, a)}`,
  ];
  const path = `tests/${name}.sh`;
  const header = `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n`;
  const patch = `${header}@@ -0,0 +1,${lines.length} @@\n${textOf(lines.map((line) => `+${line}`))}`;
  return { path, text: textOf(lines), patch };
}

/** The patch that makes a drill's rule call an operation. */
export function patchOf({ name, file, wrong }: Drill, all: readonly Drill[], operation: string): string {
  const lines = linesOf(file, all);
  const at = lines.indexOf(ruleOf(name, wrong));
  const from = Math.max(0, at - 3);
  const around = lines.slice(from, at + 4);
  const body = around.flatMap((line, index) =>
    from + index === at ? [`-${line}`, `+${ruleOf(name, operation)}`] : [` ${line}`],
  );
  const path = `${file}.sh`;
  const header = `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n`;
  const place = `${from + 1},${around.length}`;
  return `${header}@@ -${place} +${place} @@\n${textOf(body)}`;
}

/** What the row of a drill is made of, in the form of an instance folder. */
export function drillSources(all: readonly Drill[]) {
  return all.map((drill, index) => ({
    id: `assay-sample__drills-${index + 1}`,
    repo: 'drills',
    meta: {
      ...{ kind: 'wrong operation', difficulty: '<15 min fix', split: drill.split, hints: '' },
      createdAt: new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString().replace('.000', ''),
    },
    problem: `${issueOf(drill.phrase, drill.name, drill.word)}\n`,
    gold: patchOf(drill, all, drill.right),
    test: testOf(drill).patch,
  }));
}

/** Sorted, so that where a rule stands says nothing of it. */
function linesOf(file: string, all: readonly Drill[]): readonly string[] {
  const rules = all.filter((drill) => drill.file === file).map(({ name, wrong }) => ruleOf(name, wrong));
  return ['# Rules on two numbers.', ...rules.sort()];
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
