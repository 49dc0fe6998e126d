import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { AssayError } from '../errors.js';

/** One call of git's plumbing in a repository; simple-git can neither feed a command's input nor read bytes. */
export interface GitCall {
  /** Path of a git repository: a bare one or a clone. */
  readonly repository: string;
  readonly args: readonly string[];
  readonly input?: string | Uint8Array;
  readonly signal: AbortSignal;
}

/** Settings of whoever runs this that would change the bytes which git writes. */
const SETTINGS = [
  'safe.directory=*',
  'index.version=2',
  'feature.manyFiles=false',
  'core.quotePath=false',
  'core.bigFileThreshold=512m',
  'core.looseCompression=1',
  'pack.windowMemory=0',
  'pack.packSizeLimit=0',
  'pack.indexVersion=2',
  'pack.writeReverseIndex=false',
  'i18n.logOutputEncoding=utf-8',
  'core.autocrlf=false',
].flatMap((setting) => ['-c', setting]);

/** What git wrote; rejects with `image_build_failed` and git's own words when it fails. */
export async function gitBytes({ repository, args, input = '', signal }: GitCall): Promise<Buffer> {
  const child = spawn('git', ['--no-replace-objects', ...SETTINGS, '-C', repository, ...args], { signal });
  child.stdin.on('error', () => {}); // git ended early: its exit code tells
  child.stdin.end(input);
  const [stdout, stderr, code] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    }),
  ]);
  if (code !== 0)
    throw new AssayError('image_build_failed', `git ${args[0]} in ${repository} ended with code ${code}`, {
      detail: stderr.toString().trim(),
    });
  return stdout;
}

/** Like `gitBytes`, as text without the end of the last line. */
export async function gitText(call: GitCall): Promise<string> {
  return (await gitBytes(call)).toString().replace(/\n$/, '');
}
