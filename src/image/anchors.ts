import { gitText } from './git.js';

/** Commits between two anchors: few enough that an instance's own pack is made in half a second, many enough that layers stay below 100. */
const STRIDE = 1024;

interface AnchorOptions {
  readonly repository: string;
  readonly commit: string;
  readonly signal: AbortSignal;
}

/**
 * The anchors of a commit, oldest first: commits of its first-parent past that its history layers end at. They depend on the commit's
 * history alone, so commits of one branch share them, and none of them is newer than the commit.
 */
export async function anchorsOf({ repository, commit, signal }: AnchorOptions): Promise<readonly string[]> {
  const listed = await gitText({ repository, signal, args: ['rev-list', '--parents', `${commit}^{commit}`] });
  return chooseAnchors(listed, STRIDE);
}

/**
 * Of `git rev-list --parents` of a commit: each commit of the first-parent chain with which the number of commits in its history (itself
 * included) passes a multiple of `stride`, oldest first.
 */
export function chooseAnchors(revList: string, stride: number): readonly string[] {
  const parents = new Map<string, readonly string[]>();
  let tip: string | undefined;
  for (const line of revList.split('\n')) {
    const [commit = '', ...rest] = line.split(' ');
    tip ??= commit;
    parents.set(commit, rest);
  }
  const chain: string[] = [];
  for (let at = tip; at !== undefined && at !== ''; at = parents.get(at)?.[0]) chain.push(at);
  const seen = new Set<string>();
  const anchors: string[] = [];
  for (const commit of chain.reverse()) {
    const before = seen.size;
    const open = [commit];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(...(parents.get(next) ?? []));
    }
    if (Math.floor(seen.size / stride) > Math.floor(before / stride)) anchors.push(commit);
  }
  return anchors;
}
