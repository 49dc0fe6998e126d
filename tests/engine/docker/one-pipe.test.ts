import { describe, expect, test } from '@jest/globals';
import { endMark, onePipe } from '../../../src/engine/docker/one-pipe.js';

async function through(pieces: (mark: string) => readonly string[]) {
  const pipe = onePipe(['true']);
  const sent = pieces(endMark(pipe.argv[4] ?? ''));
  const got: string[] = [];
  const source = (async function* () {
    for (const piece of sent) yield Buffer.from(piece);
  })();
  for await (const bytes of pipe.output(source)) got.push(bytes.toString());
  return { text: got.join(''), got, isWhole: pipe.isWhole() };
}

describe('the mark at the end of an output', () => {
  test('is taken out wherever the stream is cut into pieces', async () => {
    const { length } = endMark(onePipe([]).argv[4] ?? '');
    for (let at = 0; at <= length; at++) {
      const pieces = (mark: string) => ['one', ` two${mark.slice(0, at)}`, mark.slice(at)];
      expect(await through(pieces)).toMatchObject({ text: 'one two', isWhole: true });
    }
    expect(await through((mark) => ['a', ...mark])).toMatchObject({ text: 'a', isWhole: true });
  });

  test('may be followed by what other processes print', async () => {
    expect(await through((mark) => [`a${mark}b`, 'c'])).toMatchObject({ text: 'abc', isWhole: true });
  });

  test('is missing from an output that was cut, which is left as it is', async () => {
    expect(await through((mark) => ['a', mark.slice(0, '<assay '.length)])).toMatchObject({
      text: 'a<assay ',
      isWhole: false,
    });
  });

  test('holds back nothing that does not look like it', async () => {
    expect((await through(() => ['a <', 'b\n', 'c'])).got).toEqual(['a ', '<b\n', 'c']);
  });

  test('is in no argument in one piece', () => {
    const { argv } = onePipe(['true']);
    expect(argv.join(' ')).not.toContain(endMark(argv[4] ?? ''));
  });
});
