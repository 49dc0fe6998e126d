import type { ImageRecipe } from '../../src/index.js';

/** A recipe as a person reads it, in the order in which it is carried out. */
export function recipeText({
  source,
  workdir,
  environment,
  preInstall,
  install,
  checks,
}: ImageRecipe): string {
  const { python, systemPackages, pythonPackages } = environment;
  const from =
    source.kind === 'git' ? `${source.repo} at ${source.commit}` : `the bundled tree ${source.dir}`;
  const part = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`# ${title}`, ...lines, ''];
  return [
    ...part('source', [`${from} in ${workdir}`]),
    ...part('python', python === undefined ? [] : [python]),
    ...part('system packages', systemPackages),
    ...part('python packages', pythonPackages),
    ...part('before the install', preInstall),
    ...part('install', install),
    ...part('checks', checks),
  ].join('\n');
}
