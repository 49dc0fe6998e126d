import type { Comparison, ReportFile, RunResults, RunSummary } from '../../src/index.js';
import type { TrainingPage } from '../html/model.js';
import { runPage } from '../html/run-page.js';
import { comparisonCharts } from './compare.js';
import { chartFile } from './file.js';
import { runCharts } from './run.js';
import { trainingCharts } from './training.js';

/** The charts of a run as SVG files. */
export function runPlots(results: RunResults, summary: RunSummary): readonly ReportFile[] {
  const { rows } = runPage({ results, summary, sources: new Map(), generatedAt: '' });
  return runCharts({ summary, rows }).map(chartFile);
}

/** The charts of a training as SVG files. */
export function trainingPlots(page: TrainingPage): readonly ReportFile[] {
  return trainingCharts(page).map(chartFile);
}

/** The charts of a comparison as SVG files. */
export function comparisonPlots(comparison: Comparison): readonly ReportFile[] {
  return comparisonCharts(comparison).map(chartFile);
}
