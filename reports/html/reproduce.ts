import type { RunManifest, Verdict } from '../../src/index.js';

/** Flags of a run that choose other instances, or name what another machine doesn't have. */
const LEFT_OUT = new Set([
  ...['dataset', 'id', 'id-file', 'filter', 'repo', 'since', 'until', 'month'],
  ...['shuffle', 'slice', 'limit', 'shard', 'revision', 'profile', 'timeout', 'epochs'],
]);

/** Shell commands that judge the instance again as the run did, on a machine that has the predictions. */
export function reproduce({ settings }: RunManifest, { instanceId }: Verdict): readonly string[] {
  const { dataset, datasetRevision, options, profile, timeoutSeconds } = settings;
  const flags = Object.entries(options)
    .filter(([name]) => !LEFT_OUT.has(name))
    .flatMap(([name, value]) =>
      value === true
        ? [`--${name}`]
        : value === false
          ? [`--no-${name}`]
          : [`--${name}`, ...[value].flat().map(String)],
    );
  const words = [
    ...['assay', 'eval', String(options['dataset'] ?? dataset)],
    ...(datasetRevision === 'local' ? [] : ['--revision', datasetRevision]),
    ...['--id', instanceId, '--profile', profile, '--timeout', String(timeoutSeconds), ...flags],
  ];
  return [
    words.map(quote).join(' '),
    ['assay', 'shell', instanceId, '--dataset', String(options['dataset'] ?? dataset)].map(quote).join(' '),
  ];
}

/** A word for a POSIX shell. */
function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
