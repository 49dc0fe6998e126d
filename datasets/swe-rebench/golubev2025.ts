import { isObject, type Recipe, type Rule } from '../../src/index.js';

type JsonObject = Readonly<Record<string, unknown>>;

const MAX_FILES = 7;
/** Lines added plus lines removed; a patch of as many is dropped. */
const TOO_MANY_LINES = 500;
/** Of 0 to 3: an unclear issue, too hard a task, or tests that don't fit it. */
const WORST_SCORE = 3;
const SCORES = ['difficulty_score', 'issue_text_score', 'test_score'];

const patchSize: Rule = {
  name: 'patch_size',
  drops: 'gold patch of more than 7 files, or of 500 lines and more (added and removed)',
  judge({ instance }) {
    const { files, lines } = sizeOf(instance.patch);
    if (files === 0) return 'not_known';
    if (files > MAX_FILES) return { drop: `${files} files` };
    return lines >= TOO_MANY_LINES ? { drop: `${lines} lines` } : 'keep';
  },
};

const missingNames: Rule = {
  name: 'missing_names',
  drops: 'tests fail by AttributeError or ImportError: the agent would have to guess names',
  judge({ row }) {
    const errors = errorsIn(metadataOf(row));
    const found = errors.find((name) => /^(AttributeError|ImportError|ModuleNotFoundError)$/.test(name));
    if (found !== undefined) return { drop: found };
    return errors.length > 0 ? 'keep' : 'not_known';
  },
};

const llmScore: Rule = {
  name: 'llm_score',
  drops: 'an LLM gave the issue, the difficulty or the tests the worst score, 3',
  judge({ row }) {
    const given = metadataOf(row)['llm_score'];
    const scores = isObject(given) ? given : {};
    const score = (name: string) => Number.parseFloat(String(scores[name]));
    const worst = Object.keys(scores).filter((name) => score(name) === WORST_SCORE);
    if (worst.length > 0) return { drop: `3 for ${worst.join(', ')}` };
    return SCORES.every((name) => Number.isFinite(score(name))) ? 'keep' : 'not_known';
  },
};

const determinism: Rule = {
  name: 'determinism',
  drops: 'the gold patch does not resolve it each time, or the untouched tree ever does',
  needsValidation: true,
  judge({ validation }) {
    if (validation === undefined || validation.class === 'infra') return 'not_known';
    if (validation.class === 'valid') return 'keep';
    const { class: found, reason } = validation;
    return { drop: reason === undefined ? found : `${found}: ${reason}` };
  },
};

/** How arXiv 2508.03501 came from the 21,336 rows of SWE-rebench to the 7,249 that it trains on. */
export const golubev2025: Recipe = {
  name: 'golubev2025',
  version: 1,
  rules: [patchSize, missingNames, llmScore, determinism],
  note:
    'Decontamination is not part of the recipe. The paper kept the months that it evaluates on, May and June 2025, out of training ' +
    '(--until 2025-05), and does not say that it left out the repositories of SWE-bench Verified.',
};

/** Files and changed lines of a patch that git wrote; neither the headers of a file nor binary content count as lines. */
function sizeOf(patch: string): { readonly files: number; readonly lines: number } {
  let files = 0;
  let lines = 0;
  let isInHunk = false;
  for (const line of patch.split('\n')) {
    if (line.startsWith('diff --git ')) {
      files++;
      isInHunk = false;
    } else if (line.startsWith('@@ ')) isInHunk = true;
    else if (isInHunk && /^[+-]/.test(line)) lines++;
  }
  return { files, lines };
}

function metadataOf(row: JsonObject): JsonObject {
  return isObject(row['meta']) ? row['meta'] : {};
}

const PYTHON_ERROR = /\b[A-Z][A-Za-z]{0,60}(?:Error|Exception)\b/g;

/**
 * Python's errors that metadata speaks of, in texts and in keys that aren't set to nothing. No field is documented to have them, and the
 * published rows have none. What an LLM says of the issue is no test result.
 */
function errorsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.match(PYTHON_ERROR) ?? [];
  if (Array.isArray(value)) return value.flatMap(errorsIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    if (key.startsWith('llm_') || !member) return [];
    return [...errorsIn(key), ...errorsIn(member)];
  });
}
