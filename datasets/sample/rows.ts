/** `meta.json` of an instance. */
export interface SampleMeta {
  /** What sort of bug it is, for people. */
  readonly kind: string;
  readonly difficulty: string;
  readonly split: 'train' | 'heldout';
  readonly createdAt: string;
  readonly hints: string;
  /** Test files to run beside those of the test patch. */
  readonly tests?: readonly string[];
}

/** A row of `instances.jsonl`: SWE-bench's fields of 2026, with language and split. */
export interface SampleRow {
  readonly repo: string;
  readonly instance_id: string;
  readonly base_commit: string;
  readonly patch: string;
  readonly test_patch: string;
  readonly problem_statement: string;
  readonly hints_text: string;
  readonly created_at: string;
  readonly version: string;
  readonly FAIL_TO_PASS: string;
  readonly PASS_TO_PASS: string;
  readonly environment_setup_commit: string;
  readonly difficulty: string;
  readonly eval_script: string;
  readonly log_parser: string;
  readonly eval_type: string;
  readonly image: string;
  readonly language: string;
  readonly split: string;
}

interface Language {
  readonly name: string;
  readonly logParser: string;
  readonly testCommand: (files: readonly string[]) => string;
}

const JAVASCRIPT: Language = {
  name: 'javascript',
  logParser: 'parse_log_node_tap',
  testCommand: (files) => `node --test --test-reporter=tap ${files.join(' ')}`,
};
const PYTHON: Language = {
  name: 'python',
  logParser: 'parse_log_unittest',
  testCommand: (files) => {
    const modules = files.map((file) => file.replace(/\.py$/, '').replaceAll('/', '.'));
    return `python3 -B -m unittest -v ${modules.join(' ')}`;
  },
};
const SHELL: Language = {
  name: 'shell',
  logParser: 'parse_log_node_tap',
  testCommand: (files) => files.map((file) => `sh ${file}`).join('\n'),
};
const REPOSITORIES: Readonly<Record<string, { readonly language: Language; readonly version: string }>> = {
  drills: { language: SHELL, version: '0.1' },
  pennybook: { language: PYTHON, version: '0.6' },
  tabula: { language: JAVASCRIPT, version: '1.4' },
  tempo: { language: JAVASCRIPT, version: '0.9' },
};

function repository(repo: string) {
  const found = REPOSITORIES[repo];
  if (found === undefined) throw new Error(`no repository of the sample benchmark: ${repo}`);
  return found;
}

/** Name of the parser for the logs of a repository's tests. */
export function logParserOf(repo: string): string {
  return repository(repo).language.logParser;
}

interface ScriptOptions {
  readonly repo: string;
  readonly commit: string;
  readonly testPatch: string;
  readonly tests?: readonly string[] | undefined;
}

/** The script in the form that SWE-bench's rows have; `TESTBED` is for engines that can't offer `/testbed`. */
export function evalScript({ repo, commit, testPatch, tests = [] }: ScriptOptions): string {
  const headers = [...testPatch.matchAll(/^diff --git a\/(\S+) b\/\S+\n(new file mode)?/gm)];
  const changed = headers.filter((match) => match[2] === undefined).map((match) => match[1] ?? '');
  const added = headers.filter((match) => match[2] !== undefined).map((match) => match[1] ?? '');
  const reset = [
    ...(changed.length > 0 ? [`git checkout ${commit} ${changed.join(' ')}`] : []),
    ...(added.length > 0 ? [`rm -f ${added.join(' ')}`] : []),
  ];
  const files = [...new Set([...changed, ...added, ...tests])];
  return `${[
    '#!/bin/bash',
    'set -uxo pipefail',
    `cd "\${TESTBED:-/testbed}"`,
    'git config --global --add safe.directory "$PWD"',
    'git status',
    'git show --stat',
    `git -c core.fileMode=false diff ${commit}`,
    ...reset,
    "git apply -v - <<'EOF_114329324912'",
    `${testPatch}EOF_114329324912`,
    ": '>>>>> Start Test Output'",
    repository(repo).language.testCommand(files),
    ": '>>>>> End Test Output'",
    ...reset,
  ].join('\n')}\n`;
}

interface RowParts {
  readonly id: string;
  readonly repo: string;
  readonly commit: string;
  readonly meta: SampleMeta;
  readonly problem: string;
  readonly gold: string;
  readonly test: string;
  readonly script: string;
  readonly failToPass: readonly string[];
  readonly passToPass: readonly string[];
}

/** The row of an instance, with SWE-bench's fields in SWE-bench's order. */
export function sampleRow(parts: RowParts): SampleRow {
  const { id, repo, commit, meta } = parts;
  const { language, version } = repository(repo);
  return {
    repo: `assay-sample/${repo}`,
    instance_id: id,
    base_commit: commit,
    patch: parts.gold,
    test_patch: parts.test,
    problem_statement: parts.problem,
    hints_text: meta.hints,
    created_at: meta.createdAt,
    version,
    FAIL_TO_PASS: JSON.stringify(parts.failToPass),
    PASS_TO_PASS: JSON.stringify(parts.passToPass),
    environment_setup_commit: commit,
    difficulty: meta.difficulty,
    eval_script: parts.script,
    log_parser: language.logParser,
    eval_type: 'pass_and_fail',
    image: `assay.eval.assay-sample__${repo}-${commit.slice(0, 12)}:latest`,
    language: language.name,
    split: meta.split,
  };
}
