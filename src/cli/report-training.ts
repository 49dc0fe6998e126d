import { pageFile, trainingPlots } from '../../reports/index.js';
import { usage } from './exit.js';
import type { Host } from './host.js';
import { pageBundle } from './html.js';
import type { Report } from './report-run.js';
import { readTrainingPage } from './training-page.js';

/** The report of a training. */
export async function trainingReport(folder: string, host: Host): Promise<Report> {
  const page = await readTrainingPage(folder, host);
  return {
    usual: ['html'],
    files(format) {
      if (format !== 'html')
        throw usage(
          `--format ${format}: this is a training, whose report is html; --plots DIR has its charts`,
        );
      return htmlFiles();
    },
    plots: () => trainingPlots(page),
    tell: async () => undefined,
  };

  async function* htmlFiles() {
    yield { path: 'report.html', content: pageFile(page, await pageBundle(), { inline: [] }) };
  }
}
