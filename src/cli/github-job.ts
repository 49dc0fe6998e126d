import { appendFile, stat } from 'node:fs/promises';
import { githubAnnotations, githubReport } from '../../reports/index.js';
import type { RunResults } from '../model/run.js';
import type { RunSummary } from '../stats/summary.js';
import { hasCode } from '../util/files.js';
import { messageOf } from '../util/words.js';
import type { Host } from './host.js';

/** GitHub shows no summary of a step that is longer. */
const SUMMARY_BYTES = 1024 * 1024;

/** In a job of GitHub Actions: the run in the job's summary, and annotations of what failed for the machine's fault. Elsewhere nothing. */
export async function tellJob(results: RunResults, summary: RunSummary, host: Host): Promise<void> {
  if (host.env['GITHUB_ACTIONS'] === 'true')
    for (const command of githubAnnotations(summary)) host.command(command);
  for (const { content } of githubReport(results, summary)) await addToJobSummary(content, host);
}

/** Appends Markdown to the summary of this step in GitHub Actions; only warns where that fails or there is no room for it. */
export async function addToJobSummary(markdown: string, host: Host): Promise<void> {
  const file = host.env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '') return;
  try {
    const taken = await stat(file).then(
      ({ size }) => size,
      (error: unknown) => {
        if (hasCode(error, 'ENOENT')) return 0;
        throw error;
      },
    );
    if (taken + Buffer.byteLength(markdown) + 1 > SUMMARY_BYTES)
      host.err('warning: the job summary has no room for this run: GitHub takes 1 MiB of a step');
    else await appendFile(file, `${markdown}\n`);
  } catch (error) {
    host.err(`warning: the job summary could not be written: ${messageOf(error)}`);
  }
}
