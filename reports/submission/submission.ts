import {
  byInstance,
  harmless,
  type ReportFile,
  type RunResults,
  type RunSummary,
  summarise,
  type Verdict,
} from '../../src/index.js';
import { count, interval, pathPart, percent, score, whyIncomplete } from '../format.js';
import { text } from '../md/markdown.js';
import { instanceReport } from '../official/instance-report.js';

/** Reads what an attempt left in its folder; `log` is undefined where the tests were not reached. */
type ReadAttempt = (
  instanceId: string,
  attempt: number,
) => Promise<{ readonly patch: string | null; readonly log: string | undefined }>;

/**
 * The folder that a submission to the SWE-bench leaderboard asks for, `evaluation/<split>/<date>_<model>/`, file by file (logs are
 * large). Pass@1 means one prediction per instance: attempt 1 is submitted. What only its author knows is left to fill in.
 */
export async function* submissionFiles(results: RunResults, read: ReadAttempt): AsyncGenerator<ReportFile> {
  const { manifest } = results;
  const first = firstAttempts(results);
  const split = splitOf(manifest.settings.dataset);
  const name = `${manifest.createdAt.slice(0, 10).replaceAll('-', '')}_${pathPart(manifest.settings.model)}`;
  const root = `evaluation/${split}/${name}`;
  const predictions: string[] = [];
  for (const verdict of byInstance(first).flatMap(({ verdicts }) => verdicts)) {
    const { patch, log } = await read(verdict.instanceId, verdict.attempt);
    predictions.push(predictionLine(verdict, patch));
    for (const [file, content] of Object.entries({
      'patch.diff': patch === '' || patch === null ? undefined : patch,
      'report.json': instanceReport(verdict),
      'test_output.txt': log,
    })) {
      if (content !== undefined)
        yield { path: `${root}/logs/${pathPart(verdict.instanceId)}/${file}`, content };
    }
  }
  yield { path: `${root}/all_preds.jsonl`, content: predictions.join('') };
  yield { path: `${root}/metadata.yaml`, content: metadata(manifest.settings.model) };
  yield { path: `${root}/README.md`, content: readme({ results: first, split, name }) };
}

function firstAttempts({ manifest, instances, verdicts }: RunResults): RunResults {
  return {
    manifest,
    instances: instances.map(({ attempts, ...instance }) => ({
      ...instance,
      ...(attempts === undefined ? {} : { attempts: Math.min(attempts, 1) }),
    })),
    verdicts: verdicts.filter(({ attempt }) => attempt === 1),
  };
}

function predictionLine(verdict: Verdict, patch: string | null): string {
  const { instanceId: instance_id, model: model_name_or_path } = verdict;
  return `${JSON.stringify({ instance_id, model_name_or_path, model_patch: patch })}\n`;
}

/** The leaderboard's own folder names; another dataset goes under the last part of its name. */
function splitOf(dataset: string): string {
  const known = /(verified|lite|multilingual|multimodal)/i.exec(dataset)?.[1]?.toLowerCase();
  if (known !== undefined) return known;
  const last = dataset.split('/').at(-1) ?? '';
  return /^(full|swe-bench)$/i.test(last) ? 'test' : pathPart(last);
}

/** JSON strings are YAML strings; empty ones are for the author. */
function metadata(model: string): string {
  return `info:
  name: ${harmless(JSON.stringify(model))}
  site: "" # link to more about the system
  report: "" # technical report, required
  logo: ""
  authors: ""
tags:
  checked: false
  model:
    - ${harmless(JSON.stringify(model))}
  org: ""
  os_model: false # open weights?
  os_system: false # open source?
  system:
    attempts: "1"
`;
}

function readme({ results, split, name }: { results: RunResults; split: string; name: string }): string {
  const summary = summarise(results);
  const { settings, assayVersion } = results.manifest;
  const rate = summary.passAt1;
  return `# ${summary.incomplete ? 'INCOMPLETE: ' : ''}${text(name)}

Resolved ${score(rate)} of ${count(rate.instances, 'instance')} of the ${split} split: ${percent(rate.rate)} %, 95 % interval ${interval(rate)}.
${whyIncomplete(summary)
  .map((reason) => `\n**Not ready to submit: ${reason}.**\n`)
  .join('')}
Evaluated with assay ${assayVersion}, grading profile ${settings.profile}, dataset revision ${settings.datasetRevision}.

${repositories(summary)}

## To do before submitting

- Put one reasoning trace per instance into \`trajs/\`, with the instance id in each file name.
- Fill in \`metadata.yaml\`; a technical report is required.
- Describe the system here, with the names of its authors.
- Run \`python -m analysis.get_results evaluation/${split}/${name}\` in SWE-bench/experiments and paste what it prints here.

## Checklist

- [ ] Is a pass@1 submission (does not attempt the same task instance more than once)
- [ ] Does not use SWE-bench test knowledge (\`PASS_TO_PASS\`, \`FAIL_TO_PASS\`)
- [ ] Does not use the \`hints\` field in SWE-bench
- [ ] Does not have web-browsing OR has taken steps to prevent lookup of SWE-bench solutions via web-browsing
`;
}

function repositories({ byRepository }: RunSummary): string {
  return byRepository
    .map((group) => `- ${text(group.name)}: ${score(group)}/${group.instances} (${percent(group.rate)} %)`)
    .join('\n');
}
