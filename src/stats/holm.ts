/**
 * p-values adjusted for their number by Holm's step-down method: of m in ascending order the k-th (from 1) becomes the largest of
 * (m - j + 1) p_j for j up to k, at most 1. Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70; equals R's `p.adjust(p, "holm")`.
 */
export function holm(ps: readonly number[]): number[] {
  const adjusted = [...ps];
  let least = 0;
  const order = [...ps.keys()].sort((a, b) => (ps[a] as number) - (ps[b] as number));
  for (const [rank, index] of order.entries()) {
    least = Math.max(least, Math.min(1, (ps.length - rank) * (ps[index] as number)));
    adjusted[index] = least;
  }
  return adjusted;
}
