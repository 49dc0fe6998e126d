import { count, importedFrom, interval, percent, score } from '../format.js';
import type { RunPage } from './model.js';

/** The sentence to cite a run by: what docs/reports.md asks of one. */
export function cite({ manifest, summary, conditions }: RunPage): string {
  const { passAt1, runs, incomplete } = summary;
  const { dataset, datasetRevision, datasetSha256, epochs, profile, timeoutSeconds } = manifest.settings;
  const of = (name: string) => conditions.find((condition) => condition.name === name)?.values ?? [];
  const engines = of('engine').map(({ value }) => value);
  const granted = of('network').find(({ value }) => value === 'granted')?.attempts ?? 0;
  const repeats = runs === null ? '' : `; ${percent(runs.mean)} ± ${percent(runs.sem)} % over runs`;
  const sentence = [
    `Pass@1 ${percent(passAt1.rate)} % (95 % interval ${interval(passAt1)}; ${score(passAt1)} of ${passAt1.instances}${repeats})`,
    epochs === 1 ? 'one attempt' : `${count(epochs, 'attempt')} each`,
    datasetRevision === 'local'
      ? `${dataset} with sha256 ${datasetSha256.slice(0, 12)}`
      : `${dataset} at revision ${datasetRevision}`,
    `profile ${profile}`,
    ...(summary.engine === 'imported'
      ? importedFrom(summary)
      : [
          `${engines.join(' and ')} ${granted === 0 ? 'without network' : `with network for ${count(granted, 'attempt')}`}`,
          `${timeoutSeconds} s`,
        ]),
    `assay ${manifest.assayVersion}`,
  ].join(', ');
  return `${incomplete ? 'INCOMPLETE: ' : ''}${sentence}.`;
}
