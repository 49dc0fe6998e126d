import type { RunManifest, Verdict } from '../../src/index.js';

/** Flags of a run by which an attempt is judged as it was; those that choose instances, repeat, or name places are left out. */
const KEPT = [
  ...['split', 'predictions', 'gold', 'empty', 'model', 'ignore-unknown', 'reinstall'],
  ...['engine', 'runtime', 'network', 'memory', 'disk', 'cpus', 'pids'],
] as const;

/** Those of them that a shell knows, too. */
const OF_SHELL: readonly string[] = [
  'split',
  'engine',
  'runtime',
  'network',
  'memory',
  'disk',
  'cpus',
  'pids',
];

/** Those that a validation doesn't know: it makes its own predictions. */
const NOT_OF_VALIDATE: readonly string[] = [
  'predictions',
  'gold',
  'empty',
  'model',
  'ignore-unknown',
  'reinstall',
];

/**
 * Commands for a POSIX shell: one that judges the instance again as the run did, and one that runs the tests by hand in a container with
 * the patch. A comment says in which folder, where that matters. Each makes a run of its own: the same run would know the verdict already.
 */
export function reproduce({ settings }: RunManifest, verdict: Verdict): readonly string[] {
  const { instanceId, attempt } = verdict;
  const { options, datasetRevision, engine, profile, timeoutSeconds, predictions } = settings;
  const dataset = String(options['dataset'] ?? settings.dataset);
  const isRollout = predictions === 'rollout';
  const isValidation = predictions === 'gold and empty';
  const kept = KEPT.filter((name) => !isValidation || !NOT_OF_VALIDATE.includes(name));
  const given = isRollout ? { ...options, predictions: 'predictions.jsonl' } : options;
  const source = [
    ...(datasetRevision === 'local' ? [] : ['--revision', datasetRevision]),
    '--profile',
    profile,
  ];
  const again = [
    ...['assay', isValidation ? 'validate' : 'eval', dataset, '--id', instanceId, ...source],
    ...(timeoutSeconds === 0 ? [] : ['--timeout', String(timeoutSeconds)]),
    ...flagsOf(given, kept),
    ...(isValidation || engine === 'imported' || options['strict'] === true ? [] : ['--no-strict']),
  ];
  const shell = [
    'assay',
    'shell',
    instanceId,
    '--dataset',
    dataset,
    ...source,
    ...flagsOf(options, OF_SHELL),
  ];
  const isRelative = typeof options['predictions'] === 'string' && !options['predictions'].startsWith('/');
  const where = isRollout
    ? "# in the run's folder\n"
    : isRelative
      ? '# in the folder in which the run was started\n'
      : '';
  // Of an import without patches there is nothing to judge.
  const isJudgeable = engine !== 'imported' || options['predictions'] !== undefined;
  return [
    ...(isJudgeable ? [`${where}${again.map(quote).join(' ')} --output "$(mktemp -d)"`] : []),
    verdict.official.patchExists
      ? `# in the run's folder\n${[...shell, '--patch', `i/${instanceId}/${attempt}/patch.diff`, '--', 'bash', '/eval.sh'].map(quote).join(' ')}`
      : shell.map(quote).join(' '),
  ];
}

/** The flags of these names as words. */
function flagsOf(options: Readonly<Record<string, unknown>>, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const value = options[name];
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, String(value)];
  });
}

/** A word for a POSIX shell. */
function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
