import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { commands } from '../../src/cli/commands.js';
import { checkConfig, showConfig } from '../../src/cli/config.js';
import { knownCommands } from '../../src/cli/config-commands.js';
import { configArguments } from '../../src/cli/config-read.js';
import { type Effective, settingsFor } from '../../src/cli/config-settings.js';
import { assay } from '../helpers/cli.js';
import { testHost } from '../helpers/host.js';

const known = knownCommands(commands);
let work = '';
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-config-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(join(work, name), text);

/** The settings of a command here, by flag. */
function settings(
  command: string,
  { configs = [], env = {} }: { configs?: string[]; env?: Record<string, string> } = {},
) {
  const words = command.split(' ');
  const { flags = {} } = known.find((one) => one.words.join(' ') === command) ?? {};
  const host = testHost(work, env);
  return Object.fromEntries(settingsFor({ words, flags }, { configs, host, known: () => known })) as Record<
    string,
    Effective
  >;
}

describe('settings of a command', () => {
  test('are those for all commands, for its group and for itself, the nearest first', async () => {
    await write(
      'assay.yaml',
      'images:\n  pull:\n    rate: "5/1h"\n  offline: true\n  rate: 1/1h\njson: true\nrate: 9/1h\n',
    );
    expect(settings('images pull')).toEqual({
      rate: { value: '5/1h', from: 'assay.yaml:3' },
      offline: { value: true, from: 'assay.yaml:4' },
      json: { value: true, from: 'assay.yaml:6' },
    });
    expect(settings('eval')['rate']).toEqual({ value: '9/1h', from: 'assay.yaml:7' });
    expect(settings('gc')['rate']).toBeUndefined();
  });

  test('come from the environment before -c, from a later -c before an earlier one, and from assay.yaml last', async () => {
    await write('assay.yaml', 'eval:\n  workers: 1\n  epochs: 1\n  retries: 1\n  pids: 1\n');
    await write('ci.json', '{\n "workers": 2,\n "epochs": 2,\n "retries": 2\n}');
    const configs = ['ci.json', 'epochs=3', 'eval.workers=3'];
    expect(settings('eval', { configs, env: { ASSAY_WORKERS: '4' } })).toEqual({
      workers: { value: 4, from: 'ASSAY_WORKERS' },
      epochs: { value: 3, from: '-c epochs=3' },
      retries: { value: 2, from: 'ci.json:4' },
      pids: { value: 1, from: 'assay.yaml:5' },
    });
  });

  test('of ASSAY_CONFIG are as those of -c, which come after them', async () => {
    const env = { ASSAY_CONFIG: 'workers=1,epochs=1' };
    expect(settings('eval', { configs: ['workers=2'], env })).toMatchObject({
      workers: { value: 2 },
      epochs: { value: 1 },
    });
  });

  test('keep the text of a text, and make a list of one', async () => {
    await write('assay.yaml', 'eval:\n  timeout: 300\n  memory: 4\n  repo: a/b\n  id: [x, 1]\n');
    const values = Object.values(settings('eval')).map(({ value }) => value);
    expect(values).toEqual(['300', '4', ['a/b'], ['x', '1']]);
  });

  test('read switches, numbers and lists from the environment', () => {
    const env = {
      ASSAY_STRICT: 'no',
      ASSAY_OFFLINE: '1',
      ASSAY_CPUS: '0.5',
      ASSAY_REPO: 'a/b,c/d',
      ASSAY_QUIET: '',
      ASSAY_CACHE: '/c',
      ASSAY_FULL: '1',
    };
    expect(settings('eval', { env })).toEqual({
      strict: { value: false, from: 'ASSAY_STRICT' },
      offline: { value: true, from: 'ASSAY_OFFLINE' },
      cpus: { value: 0.5, from: 'ASSAY_CPUS' },
      repo: { value: ['a/b', 'c/d'], from: 'ASSAY_REPO' },
    });
  });

  test('take HF_HUB_OFFLINE for --offline, unless ASSAY_OFFLINE says otherwise', () => {
    expect(settings('eval', { env: { HF_HUB_OFFLINE: '1' } })).toEqual({
      offline: { value: true, from: 'HF_HUB_OFFLINE' },
    });
    expect(settings('eval', { env: { HF_HUB_OFFLINE: '1', ASSAY_OFFLINE: '0' } })).toMatchObject({
      offline: { value: false },
    });
  });

  test('are not those of a training, whose own -c is another thing', () => {
    expect(Object.keys(known.find(({ words }) => words.join(' ') === 'train dapo')?.flags ?? {})).toContain(
      'config',
    );
    expect(settings('train dapo', { env: { ASSAY_CONFIG: '' } })).toEqual({});
  });
});

describe('a setting that no command takes is refused', () => {
  test.each([
    ['eval:\n  wrkers: 4\n', 'assay.yaml:2: eval.wrkers: no flag of eval; did you mean workers?'],
    ['\nevl:\n  workers: 4\n', 'assay.yaml:3: evl is no command; did you mean eval?'],
    ['no-such-flag-at-all: 1\n', 'assay.yaml:1: no-such-flag-at-all: no flag of any command'],
    ['images:\n  pull:\n    deep: true\n', 'assay.yaml:3: images.pull.deep: no flag of images pull'],
    [
      'eval:\n  workers: many\n',
      'assay.yaml:2: eval.workers must be a number, got "many" (as --workers of assay eval)',
    ],
    [
      'eval:\n  strict: yes please\n',
      'assay.yaml:2: eval.strict must be true or false, got "yes please" (as --strict of assay eval)',
    ],
    [
      'eval:\n  network: maybe\n',
      'assay.yaml:2: eval.network must be auto, on, off, got "maybe" (as --network of assay eval)',
    ],
    [
      'eval:\n  model: [a, b]\n',
      'assay.yaml:2: eval.model takes one value, got ["a","b"] (as --model of assay eval)',
    ],
    ['eval:\n  model:\n', 'assay.yaml:2: eval.model must be a text, got nothing (as --model of assay eval)'],
    ['eval:\n  dataset: verified\n', 'assay.yaml:2: eval.dataset: no flag of eval'],
  ])('%j', async (text, message) => {
    await write('assay.yaml', text);
    expect(() => settings('gc')).toThrow(message);
  });

  test('with every fault at once', async () => {
    await write('assay.yaml', 'a-b-c-d: 1\nx-y-z-w: 1\n');
    expect(() => settings('eval')).toThrow(
      expect.objectContaining({ code: 'usage', detail: 'assay.yaml:2: x-y-z-w: no flag of any command' }),
    );
  });

  test.each([
    ['- a\n', /assay\.yaml: expected names of flags/],
    ['a: [1\n', /assay\.yaml: .*at line 2/s],
  ])('as is a file that is none: %j', async (text, message) => {
    await write('assay.yaml', text);
    expect(() => settings('eval')).toThrow(message);
  });

  test('as are two files for one folder, and one that is not there', async () => {
    expect(() => settings('eval', { configs: ['no.yaml'] })).toThrow(/settings no\.yaml: ENOENT/);
    await write('assay.yaml', '');
    await write('assay.json', '{}');
    expect(() => settings('eval')).toThrow(/keep one/);
  });

  test.each([
    ['ASSAY_WORKERS', 'many', 'ASSAY_WORKERS=many: must be a number'],
    ['ASSAY_STRICT', 'perhaps', 'ASSAY_STRICT=perhaps: must be true or false'],
    ['ASSAY_NETWORK', 'maybe', 'ASSAY_NETWORK=maybe: must be auto, on, off'],
  ])('as is %s=%s', (name, value, message) => {
    expect(() => settings('eval', { env: { [name]: value } })).toThrow(message);
  });
});

test('-c takes one value each, wherever it stands', () => {
  const argv = [
    'eval',
    '-c',
    'a.yaml',
    'verified',
    '--gold',
    '--config=b.yaml',
    '-j',
    '4',
    '-i',
    'x',
    '--config',
    'k=v',
  ];
  expect(configArguments(argv)).toEqual(['a.yaml', 'b.yaml', 'k=v']);
  expect(() => configArguments(['eval', '-c'])).toThrow(expect.objectContaining({ code: 'usage' }));
});

describe('assay config', () => {
  test('show has each flag of a command with where its value is from, and no password', async () => {
    await write('assay.yaml', 'workers: 2\neval:\n  queue: postgres://me:secret@db/x\n');
    const host = testHost(work, { ASSAY_LIMIT: '3' });
    const args = { words: ['eval'], config: ['epochs=2'], json: true, '--': ['-t', '5m', '--no-strict'] };
    await showConfig(args, host, known);
    const rows = host.printed.map(
      (line) => JSON.parse(line) as { name: string; value: unknown; from: string },
    );
    expect(rows.filter(({ from }) => from !== 'default')).toEqual([
      { name: 'epochs', value: 2, from: '-c epochs=2' },
      { name: 'strict', value: false, from: 'flag' },
      { name: 'workers', value: 2, from: 'assay.yaml:1' },
      { name: 'timeout', value: '5m', from: 'flag' },
      { name: 'queue', value: 'postgres://me:***@db/x', from: 'assay.yaml:3' },
      { name: 'limit', value: 3, from: 'ASSAY_LIMIT' },
    ]);
    expect(rows).toContainEqual({ name: 'retries', value: 2, from: 'default' });
    await expect(showConfig({ words: ['evall'], json: true }, host, known)).rejects.toThrow(
      /did you mean eval/,
    );
  });

  test('check counts what it found, and warns of a variable that looks like a flag', async () => {
    await write('assay.yaml', 'workers: 2\n');
    const host = testHost(work, { ASSAY_WORKRES: '3', ASSAY_JSON: '1', ASSAY_FULL: '1', ASSAY_CACHE: '/c' });
    await checkConfig({ json: true }, host, known);
    expect(JSON.parse(host.printed[0] ?? '')).toEqual({ settings: 1, variables: ['ASSAY_JSON'] });
    expect(host.said).toEqual(['warning: ASSAY_WORKRES is no flag; did you mean ASSAY_WORKERS?']);
    await expect(checkConfig({ json: true, config: ['workers=x'] }, host, known)).rejects.toMatchObject({
      code: 'usage',
    });
  });
});

describe('a command goes by its settings', () => {
  const run = (args: string[], env: Record<string, string> = {}) =>
    assay(args, { cwd: work, cache: join(work, 'cache'), env });
  const instancesOf = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '').length;

  test('unless a flag says otherwise', async () => {
    await write('assay.yaml', 'dataset:\n  limit: 3\n');
    expect(instancesOf((await run(['dataset', 'list', 'sample'])).stdout)).toBe(3);
    expect(instancesOf((await run(['dataset', 'list', 'sample'], { ASSAY_LIMIT: '2' })).stdout)).toBe(2);
    expect(
      instancesOf((await run(['dataset', 'list', 'sample', '-n', '1'], { ASSAY_LIMIT: '2' })).stdout),
    ).toBe(1);
    expect(instancesOf((await run(['dataset', 'list', 'sample', '-c', 'limit=4'])).stdout)).toBe(4);
  });

  test('and for a required flag they will do', async () => {
    const missing = await run(['dataset', 'filter', 'sample', '-o', 'x.jsonl']);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('recipe')]);
    const named = await run(['dataset', 'filter', 'sample', '-o', 'x.jsonl'], { ASSAY_RECIPE: 'nonesuch' });
    expect(named.stderr).toContain('nonesuch');
  });

  test('and a resumed run keeps those that it was started with', async () => {
    const args = ['eval', 'sample', '--gold', '-q', '--run-id', 'r'];
    expect((await run([...args, '-c', 'limit=1'])).code).toBe(0);
    await write('assay.yaml', 'limit: 2\n');
    const other = await run(args);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/options\.limit\n\s+was 1\n\s+now 2/),
    ]);
  });

  test('--help works whatever is in the files, and other commands name the fault', async () => {
    await write('assay.yaml', 'nope-nope-nope: 1\n');
    expect((await run(['eval', '--help'])).code).toBe(0);
    expect((await run(['runs'])).stderr).toContain('assay.yaml:1: nope-nope-nope: no flag of any command');
  });
});
