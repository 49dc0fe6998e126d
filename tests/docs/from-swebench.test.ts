import { describe, expect, test } from '@jest/globals';
import { shellWords, unknownName } from '../helpers/command-line.js';
import { documents } from '../helpers/documents.js';

const page = documents().find(({ path }) => path === 'docs/from-swebench.md')?.text ?? '';

/** Rows of the tables that map a flag: theirs, ours, difference. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  .filter((cells) => cells.length === 5)
  .map(([, theirs = '', ours = '']) => ({ theirs, ours }));

describe('docs/from-swebench.md', () => {
  test('maps each flag of theirs to a command of ours, or to none', () => {
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter(({ ours }) => ours !== 'none' && !/^`assay [^`]+`$/.test(ours))).toEqual([]);
  });

  test.each(rows.filter(({ ours }) => ours !== 'none'))('$theirs: $ours is there', ({ ours }) => {
    expect(unknownName(shellWords(ours.slice('`assay '.length, -1)))).toBeUndefined();
  });

  test.each([
    ['eval', ['--gold', '--predictions', '--run-id', '--instance', '--split', '--workers', '--timeout']],
    ['eval', ['--report-dir', '--task-repo', '--modal', '--open-file-limit']],
    ['run_evaluation', ['--dataset_name', '--instance_ids', '--predictions_path', '--max_workers']],
    ['run_evaluation', ['--open_file_limit', '--run_id', '--rewrite_reports', '--report_dir']],
  ])('has the flags of theirs: %s %j', (_, flags) => {
    const theirs = rows.map((row) => row.theirs).join(' ');
    expect(flags.filter((flag) => !theirs.includes(`\`${flag}\``))).toEqual([]);
  });
});
