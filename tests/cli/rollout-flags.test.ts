import { describe, expect, test } from '@jest/globals';
import { realHost } from '../../src/cli/host.js';
import { rolloutCommand } from '../../src/cli/rollout.js';

describe('the flags of assay rollout', () => {
  test.each<[Readonly<Record<string, unknown>>, string]>([
    [{ 'base-url': 'localhost' }, '--base-url localhost: expected http'],
    [{ 'stop-group': 1 }, '--stop-group needs --eval'],
    [{ training: true, mode: 'chat' }, '--mode token'],
    [{ training: true, temperature: 0.5 }, 'temperature 1'],
    [{ 'price-in': 1 }, 'go together'],
    [{ samples: 0 }, '--samples 0'],
    [{ turns: 1.5 }, '--turns 1.5'],
    [{ 'model-calls': Number.NaN }, '--model-calls'],
    [{ 'stall-timeout': '10m' }, 'at most 290'],
    [{ 'model-retries': -1 }, '--model-retries -1'],
    [{ 'command-timeout': 'soon' }, '--command-timeout'],
    [{ 'episode-timeout': '0' }, '--episode-timeout'],
  ])('%p are refused before anything is read', async (flags, words) => {
    const args = { dataset: 'nowhere', model: 'toy', 'base-url': 'http://127.0.0.1:1/v1', ...flags };
    await expect(rolloutCommand(args, realHost())).rejects.toMatchObject({
      ...{ code: 'usage', message: expect.stringContaining(words) },
    });
  });
});
