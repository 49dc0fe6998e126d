import type { LogParser, TestStatus } from '../model/grading.js';

/** Which statuses of an expected test go into which list; a status in neither goes into none. */
export interface ListRule {
  readonly success: readonly TestStatus[];
  readonly failure: readonly TestStatus[];
}

/** Texts that a log is searched for; they share a prefix of at least one character. */
export interface MarkerRules {
  readonly start: string;
  readonly end: string;
  /** A log that holds one of these anywhere isn't graded. */
  readonly bad: readonly { readonly text: string; readonly reason: string }[];
  /** Sticky, group 1 is the number; the first match of the log counts. */
  readonly exitCode?: RegExp;
  /** Nothing parsed between the markers: parse the whole log. */
  readonly wholeLogFallback: boolean;
}

/** The rules of a profile as data; `gradeWith` makes them a function. */
export interface GradingRules {
  /** Absent: the whole log is parsed. */
  readonly markers?: MarkerRules;
  readonly findParser: (name: string) => LogParser;
  /** Nothing parsed and no match: not found. Absent: an empty result is graded. */
  readonly suiteRan?: RegExp;
  readonly failToPass: ListRule;
  readonly passToPass: ListRule;
  /** Ids cut inside their brackets are looked up by prefix. */
  readonly truncatedIds: boolean;
  /** Applied to parsed and expected names before they are compared. */
  readonly normalizeName?: (name: string) => string;
  /** In order, first match wins; looked up only when nothing was found. */
  readonly infra: readonly {
    readonly reason: string;
    readonly tier: 'environment' | 'ambiguous';
    readonly isIn: (log: string) => boolean;
  }[];
}
