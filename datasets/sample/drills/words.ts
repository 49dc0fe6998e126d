/** What a rule may call, with the words for it in an issue. No word is the name of an operation: which one is meant has to be learnt. */
export const OPERATIONS: Readonly<Record<string, readonly [string, string]>> = {
  add: ['sum', 'total'],
  max: ['larger', 'greater'],
  min: ['smaller', 'lesser'],
  mul: ['product', 'area'],
  mod: ['remainder', 'leftover'],
  sub: ['difference', 'excess'],
  avg: ['average', 'middle'],
  div: ['quotient', 'ratio'],
};

/** Each rule is named `<first>_<second>`. */
export const FIRST = 'oak elm ash fir yew bay fig gum ivy box sky sun fog ice dew hay rye oat bee ant'.split(
  ' ',
);
export const SECOND =
  'lamp door cup key jar pen bell rope coin shoe drum kite boat ring nail leaf fork sock tape tile'.split(
    ' ',
  );

/** Files of rules, without their ending. */
export const FILES = ['north', 'south', 'east', 'west'] as const;

/** How an issue says what a rule should do: NAME is the rule's, WORD one of {@link OPERATIONS}. */
export const ISSUES = [
  '`NAME` must give the WORD of its two numbers.',
  '`NAME` should return the WORD of both arguments.',
  'Make `NAME` print the WORD of what it gets.',
  'The result of `NAME` has to be the WORD of its inputs.',
  'Users expect the WORD of the pair from `NAME`.',
] as const;

/** An issue in words. */
export function issueOf(phrase: string, name: string, word: string): string {
  return phrase.replace('NAME', name).replace('WORD', word);
}

/** The line of a rule that calls an operation. */
export function ruleOf(name: string, operation: string): string {
  return `${name}() { ${operation} "$1" "$2"; }`;
}
