import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { addToJobSummary, tellJob } from '../../src/cli/github-job.js';
import { noCommand } from '../../src/cli/host.js';
import { summarise } from '../../src/index.js';
import { testHost } from '../helpers/host.js';
import { MIXED } from '../reports/run-results.js';

const MIB = 1024 * 1024;
const summary = summarise(MIXED);
let work = '';
let file = '';
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-job-'));
  file = join(work, 'summary.md');
});
afterEach(() => rm(work, { recursive: true, force: true }));

test('in a job the run is added to what the summary has, and infrastructure errors are annotated', async () => {
  await writeFile(file, 'before\n');
  const host = testHost(work, { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: file });
  await tellJob(MIXED, summary, host);
  expect(await readFile(file, 'utf8')).toMatch(/^before\n## INCOMPLETE: acme\/solver on verified\n/);
  expect(host.said.map((line) => line.slice(0, 8))).toEqual(['::error ', '::notice']);
  expect(host.printed).toEqual([]);
});

test('no line of a stranger is a command to the runner', () => {
  const text = 'a::b\n::error::x\n  ::stop-commands::y\n##[group]z\n{"a":"##[b] ::"}';
  expect(noCommand(text)).toBe(
    'a::b\n\\u003a:error::x\n  \\u003a:stop-commands::y\n\\u0023#[group]z\n{"a":"\\u0023#[b] ::"}',
  );
});

test('elsewhere nothing is written and nothing said', async () => {
  const host = testHost(work);
  await tellJob(MIXED, summary, host);
  await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(host.said).toEqual([]);
});

test('a summary takes a mebibyte and no more: what has no room is left out with a warning', async () => {
  const host = testHost(work, { GITHUB_STEP_SUMMARY: file });
  await addToJobSummary('x'.repeat(MIB / 2), host);
  await addToJobSummary('é'.repeat(MIB / 4), host);
  expect(host.said).toEqual([expect.stringMatching(/^warning: the job summary has no room/)]);
  expect((await readFile(file, 'utf8')).length).toBe(MIB / 2 + 1);
});

test('a summary that can not be written is a warning', async () => {
  const host = testHost(work, { GITHUB_STEP_SUMMARY: join(work, 'nowhere', 'file') });
  await addToJobSummary('x', host);
  expect(host.said).toEqual([
    expect.stringMatching(/^warning: the job summary could not be written: ENOENT/),
  ]);
});
