import type { ComparePage } from '../../model.js';
import type { ViewProps } from './view.js';

export function CompareView({ page }: ViewProps & { readonly page: ComparePage }) {
  return <main>{page.kind}</main>;
}
