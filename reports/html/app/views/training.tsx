import type { TrainingPage } from '../../model.js';
import type { ViewProps } from './view.js';

export function TrainingView({ page }: ViewProps & { readonly page: TrainingPage }) {
  return <main>{page.kind}</main>;
}
