import { describe, expect, test } from '@jest/globals';
import { sizesOf } from '../../../src/engine/docker/history.js';

const step = (Size: number, CreatedBy = '') => ({ Size, CreatedBy });
/** Sizes from the base up; `steps` are given in the order of making. */
const sizes = (steps: readonly ReturnType<typeof step>[], layers: readonly string[]) =>
  sizesOf([...steps].reverse(), { ref: 'x:1', layers }).map(({ diffId, bytes }) => [diffId, bytes]);

describe('sizes of layers', () => {
  test('belong to the steps that made them, in order', () => {
    expect(sizes([step(5), step(0), step(7)], ['a', 'b', 'c'])).toEqual([
      ['a', 5],
      ['b', 0],
      ['c', 7],
    ]);
  });

  test('are not those of instructions without a layer, while a command that changed nothing has one', () => {
    const steps = [
      step(9, '/bin/sh -c #(nop) ADD file:1 in /'),
      step(0, '/bin/sh -c #(nop)  CMD ["bash"]'),
      step(0, 'RUN /bin/sh -c true # buildkit'),
      step(0, 'ENV A=1'),
      step(3, 'COPY /a /b # buildkit'),
    ];
    expect(sizes(steps, ['a', 'b', 'c'])).toEqual([
      ['a', 9],
      ['b', 0],
      ['c', 3],
    ]);
  });

  test('are of the steps with bytes where a WORKDIR made no layer', () => {
    const steps = [step(9), step(0, '/bin/sh -c #(nop) WORKDIR /'), step(3)];
    expect(sizes(steps, ['a', 'b'])).toEqual([
      ['a', 9],
      ['b', 3],
    ]);
  });

  test('are refused, with the image and both counts, where history and layers differ', () => {
    expect(() => sizes([step(9), step(3)], ['a'])).toThrow(
      /history of image x:1 tells of 2 or 2 layers, but it has 1/,
    );
  });
});
