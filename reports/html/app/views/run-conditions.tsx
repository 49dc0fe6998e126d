import type { ComponentChildren } from 'preact';
import { count, goldValid, importedFrom, pythonDiffers } from '../../../format.js';
import type { Condition, RunPage } from '../../model.js';
import { Strange } from '../parts/strange.js';
import './run-conditions.css';

/** What was run, on what, and how far it can be trusted. */
export function Conditions({ page }: { readonly page: RunPage }) {
  const { manifest, summary, conditions, images, generatedAt } = page;
  const { settings, machine } = manifest;
  return (
    <section id="conditions" tabIndex={-1}>
      <h2>What was run</h2>
      <dl class="facts">
        <Fact name="model">
          <Strange text={settings.model} />
        </Fact>
        <Fact name="dataset">
          <Strange text={settings.dataset} />, revision <Code text={settings.datasetRevision} />
        </Fact>
        <Fact name="dataset sha256">
          <Code text={settings.datasetSha256} />
        </Fact>
        <Fact name="predictions">
          <Strange text={settings.predictions} />, sha256 <Code text={settings.predictionsSha256} />
        </Fact>
        <Fact name="options">
          <Code text={JSON.stringify(settings.options)} />
        </Fact>
        <Fact name="grading profile">{settings.profile}</Fact>
        <Fact name="attempts per prediction">{settings.epochs}</Fact>
        {summary.engine !== 'imported' && <Fact name="test time limit">{settings.timeoutSeconds} s</Fact>}
        {importedFrom(summary).map((line) => (
          <Fact key={line} name="origin">
            {line}
          </Fact>
        ))}
        {conditions.map((condition) => (
          <Fact key={condition.name} name={condition.name}>
            <Values of={condition} />
          </Fact>
        ))}
        <Fact name="images">{count(images, 'distinct digest')}, one per attempt in report.csv</Fact>
        <Fact name="gold patches">
          <Strange text={goldValid(summary)} />
        </Fact>
        {pythonDiffers(summary).map((line) => (
          <Fact key={line} name="other Python">
            <Strange text={line} />
          </Fact>
        ))}
        <Fact name="machine">
          <Strange text={Object.entries(machine).map(machineFact).join('; ')} />
        </Fact>
        <Fact name="run">
          <Code text={manifest.runId} />, {minute(manifest.createdAt)}, assay {manifest.assayVersion}
        </Fact>
        <Fact name="page">{minute(generatedAt)}</Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** With how many attempts each value holds for, where there are several. */
function Values({ of: { values } }: { readonly of: Condition }) {
  return (
    <>
      {values.map(({ value, attempts }, index) => (
        <span key={value}>
          {index > 0 && '; '}
          <Strange text={value} />
          {values.length > 1 && ` (${count(attempts, 'attempt')})`}
        </span>
      ))}
    </>
  );
}

function Code({ text }: { readonly text: string }) {
  return (
    <code>
      <Strange text={text} />
    </code>
  );
}

/** `2026-11-22T10:00:00.000Z` -> `2026-11-22 10:00 UTC` */
function minute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

const GIB = 1024 ** 3;

/** `freeMemoryBytes` -> `free memory 22.8 GiB` */
function machineFact([name, value]: [string, unknown]): string {
  const words = name.replace(/[A-Z]/g, (char) => ` ${char.toLowerCase()}`);
  return typeof value === 'number' && words.endsWith(' bytes')
    ? `${words.slice(0, -' bytes'.length)} ${(value / GIB).toFixed(1)} GiB`
    : `${words} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}
