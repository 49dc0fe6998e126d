import type { Container } from '../engine/engine.js';
import { outputOf } from './output.js';

interface WholeDiffOptions {
  readonly workdir: string;
  readonly paths: readonly string[];
  readonly signal: AbortSignal;
}

/** What changed in files of a tree, with the whole files around it; undefined where git can't tell. */
export async function wholeDiff(
  container: Container,
  { workdir, paths, signal }: WholeDiffOptions,
): Promise<string | undefined> {
  const diff = ['diff', '--unified=1000000', '--no-renames', '--no-ext-diff', '--no-color', 'HEAD'];
  const argv = ['git', '--literal-pathspecs', ...diff, '--', ...paths];
  const { exitCode, output } = await outputOf(container, { argv, workdir, signal });
  return exitCode === 0 ? output.toString() : undefined;
}
