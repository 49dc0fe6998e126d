import { renderToString } from 'preact-render-to-string';
import type { ReportFile } from '../../src/index.js';
import type { Chart } from './chart.js';
import { FILE_STYLE } from './style.js';

/** Width of charts in files. */
const WIDTH = 720;

/** A chart as an SVG file with its own colours, for light and for dark surfaces. */
export function chartFile({ id, draw }: Chart): ReportFile {
  const style = `<style>${FILE_STYLE}</style><rect class="c-ground" x="-12" y="-8" width="100%" height="100%"/>`;
  const image = renderToString(draw(WIDTH))
    // `<` is escaped in all text: the first one of these is the element.
    .replace('</desc>', () => `</desc>${style}`)
    .replace(/viewBox="0 0 (\d+) (\d+)" width="\d+" height="\d+"/, (_, width: string, height: string) => {
      const [w, h] = [Number(width) + 24, Number(height) + 16];
      return `viewBox="-12 -8 ${w} ${h}" width="${w}" height="${h}"`;
    })
    // XML, unlike HTML, doesn't let text hold the end of a CDATA section.
    .replaceAll(']]>', ']]&gt;');
  return { path: `${id}.svg`, content: `${image}\n` };
}
