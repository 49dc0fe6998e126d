import type { RunManifest, Verdict } from '../../src/index.js';

/** Flags of a run that choose other instances, or name what another machine doesn't have. */
const LEFT_OUT = new Set([
  ...['dataset', 'id', 'id-file', 'filter', 'repo', 'since', 'until', 'month'],
  ...['shuffle', 'slice', 'limit', 'shard', 'revision', 'profile', 'timeout', 'epochs'],
]);

/** Shell commands that judge the instance again as the run did, on a machine that has the predictions; of an import without patches there is nothing to judge. */
export function reproduce({ settings }: RunManifest, { instanceId }: Verdict): readonly string[] {
  const { dataset, datasetRevision, engine, options, profile, timeoutSeconds } = settings;
  const flags = Object.entries(options)
    .filter(([name]) => !LEFT_OUT.has(name))
    .flatMap(([name, value]) =>
      value === true
        ? [`--${name}`]
        : value === false
          ? [`--no-${name}`]
          : [`--${name}`, ...[value].flat().map(String)],
    );
  const timeout = timeoutSeconds === 0 ? [] : ['--timeout', String(timeoutSeconds)];
  const words = [
    ...['assay', 'eval', String(options['dataset'] ?? dataset)],
    ...(datasetRevision === 'local' ? [] : ['--revision', datasetRevision]),
    ...['--id', instanceId, '--profile', profile, ...timeout, ...flags],
  ];
  const isJudgeable = engine !== 'imported' || options['predictions'] !== undefined;
  return [
    ...(isJudgeable ? [words.map(quote).join(' ')] : []),
    ['assay', 'shell', instanceId, '--dataset', String(options['dataset'] ?? dataset)].map(quote).join(' '),
  ];
}

/** A word for a POSIX shell. */
function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
