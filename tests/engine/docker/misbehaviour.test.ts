import { describe, expect, test } from '@jest/globals';
import { AssayError } from '../../../src/errors.js';
import type { Endpoint } from '../../fixtures/engine/fake-engine.js';
import { type Fault, frame } from '../../fixtures/engine/faults.js';
import { errorOf, eventually, lifeOfAContainer, SPEC, withFake } from './scenario.js';

const steps: readonly Endpoint[] = [
  'create',
  'start',
  'put',
  'execCreate',
  'execStart',
  'execInspect',
  'remove',
];
const faults: Readonly<Record<string, Fault>> = {
  'does not answer': { kind: 'hang' },
  'closes the connection': { kind: 'close' },
  'closes it in mid-answer': { kind: 'cut' },
  'starts an answer that never ends': { kind: 'endless' },
  'says 200 with an HTML page': { kind: 'html' },
  'says 200 with nothing': { kind: 'empty' },
  'says 200 with null': { kind: 'body', body: 'null' },
  'says 200 with broken JSON': { kind: 'body', body: '{"Id": ' },
  'says 500': { kind: 'status', status: 500, message: 'boom' },
  'says 500 after all was done': { kind: 'status', status: 500, message: 'boom', effect: true },
  'says 502 with an HTML page': { kind: 'html-status', status: 502 },
  'says 404': { kind: 'status', status: 404, message: 'no such thing' },
  'says 409': { kind: 'status', status: 409, message: 'conflict' },
  'says 418': { kind: 'status', status: 418, message: 'teapot' },
  'has a full disk': { kind: 'status', status: 500, message: 'write /x: no space left on device' },
};
/** Answers whose body nobody needs: the status alone says that it worked. */
const fine: readonly Endpoint[] = ['start', 'put', 'remove'];

describe('an engine that misbehaves in one step of the life of a container', () => {
  for (const step of steps) {
    test.each(Object.entries(faults))(`${step}: the engine %s`, async (name, fault) => {
      await withFake({ faults: { [step]: fault } }, async (engine, fake) => {
        const waits = fault.kind === 'hang' || fault.kind === 'endless';
        const signal = AbortSignal.timeout(waits ? 400 : 10_000);
        const outcome = await lifeOfAContainer(engine, signal).catch((error: unknown) => error);
        const isOk = !(outcome instanceof AssayError);
        if (isOk) {
          const harmless =
            (fine.includes(step) && ['html', 'empty', 'body'].includes(fault.kind)) ||
            (step === 'execStart' && fault.kind === 'empty') ||
            (step === 'remove' && name === 'says 404');
          expect({ step, name, outcome, harmless }).toMatchObject({ harmless: true });
        } else {
          expect(outcome).toMatchObject({
            class: 'infra',
            message: expect.stringMatching(/^[^\n]{10,700}$/),
          });
          if (!waits) expect(outcome.message).not.toMatch(/in time|interrupted/);
          if (name === 'has a full disk') expect(outcome.code).toBe('disk_full');
        }
        const isBroken = step === 'remove' && fault.kind.endsWith('status') && fault.effect !== true;
        if (!isBroken) expect(fake.containers()).toEqual([]);
        await engine.close();
        await eventually(() => fake.connections() === 0);
        expect(fake.connections()).toBe(0);
      });
    });
  }

  test('a remove that fails once is tried again, after a kill', async () => {
    const fault: Fault = { kind: 'status', status: 500, message: 'device busy' };
    await withFake({ faults: { remove: fault }, faultCount: 1 }, async (engine, fake) => {
      await lifeOfAContainer(engine, AbortSignal.timeout(1000));
      expect(fake.calls().filter((call) => call === 'remove' || call === 'kill')).toEqual([
        'remove',
        'kill',
        'remove',
      ]);
      expect(fake.containers()).toEqual([]);
    });
  });

  test('a remove that fails for ever names the container and the reason', async () => {
    const fault: Fault = { kind: 'status', status: 500, message: 'device busy' };
    await withFake({ faults: { remove: fault, kill: fault } }, async (engine) => {
      const container = await engine.containers.start(SPEC, AbortSignal.timeout(1000));
      expect(await errorOf(container.destroy())).toMatchObject({
        code: 'engine_failed',
        message: `docker: remove container ${container.id.slice(0, 12)}: device busy (HTTP 500)`,
      });
    });
  });

  test('a removal that someone else began is fine', async () => {
    const fault: Fault = {
      kind: 'status',
      status: 409,
      message: 'removal of container abc is already in progress',
      effect: true,
    };
    await withFake({ faults: { remove: fault } }, async (engine, fake) => {
      await lifeOfAContainer(engine, AbortSignal.timeout(1000));
      expect(fake.containers()).toEqual([]);
    });
  });
});

describe('an exec stream that misbehaves', () => {
  const streams: Readonly<Record<string, [Fault, RegExp]>> = {
    'ends in the middle of a frame': [
      { kind: 'body', body: [frame(1, 'hello').subarray(0, 10)] },
      /ended 3 bytes before the end of a frame/,
    ],
    'ends in the middle of a header': [
      { kind: 'body', body: [Buffer.from([1, 0])] },
      /after 2 bytes of a header/,
    ],
    'has a garbage header': [{ kind: 'body', body: [frame(1, 'a'), Buffer.from('garbage!')] }, /not framed/],
    'has a type that does not exist': [{ kind: 'body', body: [frame(7, 'a')] }, /not framed/],
    'breaks off in the middle of a frame': [
      { kind: 'body', body: [frame(1, 'a'), frame(1, 'bcd').subarray(0, 9)], end: 'cut' },
      /./,
    ],
    'promises 4 GB and stops': [
      { kind: 'body', body: [Buffer.from([1, 0, 0, 0, 255, 255, 255, 255, 65])] },
      /ended/,
    ],
    'carries an error of the engine': [
      { kind: 'body', body: [frame(3, 'oci runtime gone')] },
      /oci runtime gone/,
    ],
  };
  test.each(Object.entries(streams))('%s', async (_name, [fault, message]) => {
    await withFake({ faults: { execStart: fault } }, async (engine, fake) => {
      const error = await errorOf(lifeOfAContainer(engine, AbortSignal.timeout(2000)));
      expect(error).toMatchObject({ code: 'engine_failed', message: expect.stringMatching(message) });
      expect(fake.containers()).toEqual([]);
    });
  });

  test('Running for ever after the end of the output is an error, not a hang', async () => {
    await withFake({ lateExitCodes: Number.POSITIVE_INFINITY }, async (engine, fake) => {
      const error = await errorOf(lifeOfAContainer(engine, AbortSignal.timeout(5000)));
      expect(error).toMatchObject({
        code: 'engine_failed',
        message: expect.stringContaining('no exit code'),
      });
      expect(fake.containers()).toEqual([]);
    });
  });
});
