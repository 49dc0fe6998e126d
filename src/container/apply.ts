import type { Container } from '../engine/engine.js';
import type { GradingProfile } from '../model/grading.js';

export const PATCH_FILE = '/tmp/patch.diff';

const EVIDENCE_BYTES = 8192;

export interface Applied {
  /** The container whose tree holds the patch. */
  readonly container: Container;
  /** The winning command, or undefined when all of them failed: the patch doesn't apply. */
  readonly command?: string;
  /** Output of the last command. */
  readonly evidence: string;
}

interface ApplyOptions {
  readonly profile: GradingProfile;
  readonly workdir: string;
  readonly signal: AbortSignal;
  /** Replaces a container, whose tree a failed command may have changed, by a pristine one with the same files. */
  readonly fresh: (used: Container) => Promise<Container>;
}

/** Tries the profile's commands in order, each on a pristine tree; the patch is at {@link PATCH_FILE}. */
export async function applyPatch(first: Container, options: ApplyOptions): Promise<Applied> {
  const { profile, workdir, signal, fresh } = options;
  const commands = profile.applyCommands.map((command) => command.replace('{patch}', PATCH_FILE));
  if (profile.alreadyAppliedCheck !== undefined)
    commands.push(profile.alreadyAppliedCheck.replace('{patch}', PATCH_FILE));
  let container = first;
  let evidence = '';
  for (const [index, command] of commands.entries()) {
    // The engine may answer when the phase is long over.
    signal.throwIfAborted();
    if (index > 0) container = await fresh(container);
    const output: Uint8Array[] = [];
    let size = 0;
    const { exitCode } = await container.exec({
      argv: ['/bin/bash', '-c', command],
      workdir,
      signal,
      onOutput: (chunk) => {
        if (size < EVIDENCE_BYTES) output.push(chunk.slice(0, EVIDENCE_BYTES - size));
        size += chunk.length;
      },
    });
    evidence = new TextDecoder().decode(Buffer.concat(output));
    if (exitCode === 0) return { container, command, evidence };
  }
  return { container, evidence };
}
