import { type Static, Type } from 'typebox';
import { type DatasetFormat, EvalType, Needs } from '../../src/index.js';
import { CommonFields, commonInstance } from '../row.js';
import { languageOf } from './languages.js';

const Row = Type.Object({
  ...CommonFields,
  eval_script: Type.String({ minLength: 1 }),
  log_parser: Type.String({ minLength: 1 }),
  eval_type: EvalType,
  image: Type.String({ minLength: 1 }),
  // Not in the published rows: for datasets of one's own.
  language: Type.Optional(Type.String({ minLength: 1 })),
  split: Type.Optional(Type.String()),
  needs: Type.Optional(Needs),
});

/** SWE-bench since 2026: the row carries its eval script, parser name and image. */
export const sweBench2026: DatasetFormat = {
  rowFormat: 'swe-bench-2026',
  matches: (row) => 'eval_script' in row,
  schema: Row,
  toInstance(checked, rowHash) {
    const row = checked as Static<typeof Row>;
    return {
      ...commonInstance(row),
      language: row.language ?? languageOf(row.log_parser),
      split: row.split,
      rowFormat: 'swe-bench-2026',
      rowHash,
      image: row.image,
      evalScript: row.eval_script,
      logParser: row.log_parser,
      evalType: row.eval_type,
      needs: row.needs,
    };
  },
};
