import {
  byInstance,
  cut,
  type InstanceResults,
  type ReportFile,
  type RunResults,
  type Verdict,
} from '../../src/index.js';
import { oneLine } from '../format.js';
import { element, xmlText } from './xml.js';

type Fate = 'passed' | 'failure' | 'error' | 'skipped';

/** What a CI server shows of an outcome: the model's fault is a failure, ours an error. */
const FATES: Readonly<Record<Verdict['outcome'], Fate>> = {
  resolved: 'passed',
  unresolved: 'failure',
  invalid: 'failure',
  infra_error: 'error',
};

/** A planned attempt, or what stands for an instance without a prediction. */
interface Case {
  readonly item: InstanceResults;
  readonly attempt: number;
  readonly verdict: Verdict | undefined;
}

/** Characters of a message, and tests that are named in a failure. */
const MESSAGE = 200;
const TESTS = 50;

/**
 * `junit.xml` by the schema that Jenkins and Surefire share: a test suite for each repository, a test case for each attempt. What
 * never ran is skipped: an instance without a prediction, and an attempt without a verdict.
 */
export function junitReport(results: RunResults): readonly ReportFile[] {
  const suites = new Map<string, Case[]>();
  for (const item of byInstance(results)) {
    const { repo } = item.instance;
    suites.set(repo, [...(suites.get(repo) ?? []), ...casesOf(item)]);
  }
  const all = [...suites.values()].flat();
  const content = [...suites].map(([repo, cases]) => `\n${suite(repo, cases, results)}`).join('');
  const attributes = { name: results.manifest.runId, ...counts(all, 'testsuites') };
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', attributes, `${content}\n`)}\n`;
  return [{ path: 'junit.xml', content: xml }];
}

function casesOf(item: InstanceResults): Case[] {
  const verdicts = new Map(item.verdicts.map((verdict) => [verdict.attempt, verdict]));
  return Array.from({ length: Math.max(item.planned, 1) }, (_, index) => ({
    item,
    attempt: index + 1,
    verdict: verdicts.get(index + 1),
  }));
}

function suite(repo: string, cases: readonly Case[], { manifest }: RunResults): string {
  const { dataset, datasetRevision, model, profile } = manifest.settings;
  const properties = Object.entries({ model, dataset, datasetRevision, profile }).map(([name, value]) =>
    element('property', { name, value: oneLine(value) }),
  );
  const attributes = {
    name: oneLine(repo),
    ...counts(cases, 'testsuite'),
    timestamp: manifest.createdAt.slice(0, 19),
  };
  const lines = [element('properties', {}, properties.join('')), ...cases.map(testCase)];
  return element('testsuite', attributes, `${lines.map((line) => `\n  ${line}`).join('')}\n`);
}

/** The root has no attribute `skipped` in Jenkins' schema. */
function counts(cases: readonly Case[], of: 'testsuites' | 'testsuite') {
  const number = (fate: Fate) => cases.filter((entry) => fateOf(entry) === fate).length;
  return {
    tests: cases.length,
    failures: number('failure'),
    errors: number('error'),
    ...(of === 'testsuite' ? { skipped: number('skipped') } : {}),
    time: seconds(cases.reduce((sum, { verdict }) => sum + timeOf(verdict), 0)),
  };
}

function fateOf({ verdict }: Case): Fate {
  return verdict === undefined ? 'skipped' : FATES[verdict.outcome];
}

function testCase(entry: Case): string {
  const { item, attempt, verdict } = entry;
  const { instanceId, repo } = item.instance;
  const attributes = {
    // Servers cut a class name at its dots into packages.
    classname: oneLine(repo).replaceAll('/', '.'),
    name: oneLine(item.planned > 1 ? `${instanceId} #${attempt}` : instanceId),
    time: seconds(timeOf(verdict)),
  };
  const fate = fateOf(entry);
  if (fate === 'passed') return element('testcase', attributes);
  if (verdict === undefined) {
    const message = item.planned === 0 ? 'no prediction' : 'no verdict yet';
    return element('testcase', attributes, element('skipped', { message }));
  }
  const { outcome, reason, detail = '' } = verdict;
  const message = cut(oneLine(detail === '' ? reason : `${reason}: ${detail}`), MESSAGE);
  const why = element(fate, { message, type: oneLine(`${outcome}.${reason}`) }, xmlText(evidence(verdict)));
  return element('testcase', attributes, why);
}

function evidence({ detail, tests, image, phase }: Verdict): string {
  const failed = Object.entries(tests ?? {}).flatMap(([name, { failure }]) => [
    ...failure.slice(0, TESTS).map((test) => `${name} FAILED ${oneLine(test)}`),
    ...(failure.length > TESTS ? [`${name}: and ${failure.length - TESTS} more`] : []),
  ]);
  const facts = [phase === undefined ? undefined : `phase ${phase}`, detail, ...failed, image];
  return facts.filter((line) => line !== undefined).join('\n');
}

function timeOf(verdict: Verdict | undefined): number {
  return Object.values(verdict?.seconds ?? {}).reduce((sum, value) => sum + value, 0);
}

function seconds(value: number): string {
  return value.toFixed(3);
}
