import { checkPatch, type PatchFile } from '../patch/check.js';

/** Counts up when what is proven, or which patches a proof covers, changes. */
export const RULE = 1;

/** An install that leaves the sources where they are. One of another form copies them, so that it reads all of them. */
const STEP =
  /^(?:python3? -m )?pip3? install(?: (?:-v|--verbose|--no-use-pep517|--no-build-isolation|--no-deps))* (?:-e|--editable) \.(?:\[[\w,-]+\])?(?: (?:-v|--verbose|--no-use-pep517|--no-build-isolation|--no-deps))*$/;

/** The step of an eval script that installs the tree; undefined where there is none, or it isn't clear. */
export function reinstallOf(evalScript: string): string | undefined {
  const [step, ...others] = evalScript.split('\n').filter((line) => STEP.test(line));
  return others.length === 0 ? step : undefined;
}

/** The script with another command for the step; a log tells that it was left out. */
export function withoutReinstall(evalScript: string, instead = ": 'assay: re-install skipped'"): string {
  return evalScript
    .split('\n')
    .map((line) => (STEP.test(line) ? instead : line))
    .join('\n');
}

/** The script up to the step. */
export function beforeReinstall(evalScript: string): string {
  const lines = evalScript.split('\n');
  return lines
    .slice(
      0,
      lines.findIndex((line) => STEP.test(line)),
    )
    .join('\n');
}

/** Why a step that opens these files may never be left out; undefined where it may be for some patches. */
export function faultOf(opened: readonly string[]): string | undefined {
  // git tells it what differs from the last commit, whatever that is: versions are made of it.
  return opened.some((path) => path.startsWith('.git/'))
    ? 'it asks git for the state of the tree'
    : undefined;
}

/**
 * What of a patch a step that opens these files might read; undefined where it reads nothing of it. A patch that changes no list of files, no mode, and no file that is
 * opened leaves the step the same input.
 */
export function touches(patch: string, opened: readonly string[]): string | undefined {
  const { files, defect } = checkPatch(patch);
  if (defect !== undefined || files.length === 0) return 'the patch names no files';
  const read = new Set(opened.map(sourceOf));
  for (const file of files) {
    const path = file.newPath ?? file.oldPath ?? '';
    if (!isChangedOnly(file)) return `${path}: ${file.modeChanged ? 'mode changed' : file.change}`;
    if (
      !path.endsWith('.py') ||
      path.startsWith('/') ||
      path.split('/').some((part) => /^\.(git|\.?)$/.test(part))
    )
      return `${path}: no Python source of the tree`;
    if (read.has(path)) return `${path}: the re-install reads it`;
  }
  return undefined;
}

function isChangedOnly({ change, modeChanged, mode, binary, hunks, oldPath, newPath }: PatchFile): boolean {
  return (
    change === 'modified' && !modeChanged && mode === undefined && !binary && hunks > 0 && oldPath === newPath
  );
}

/** Of byte code the file that it was made of: an import of an unchanged module opens that instead. */
function sourceOf(path: string): string {
  return path.replace(/(?:__pycache__\/)?([^/.]+)(?:\.[^/]*)?\.pyc$/, '$1.py');
}
