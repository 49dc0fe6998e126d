import { openProofs } from '../reinstall/proofs.js';
import { reinstallBy } from '../reinstall/skip.js';
import type { Reinstall } from '../run-instance.js';
import type { Host } from './host.js';
import { version } from './version.js';

/** What `--reinstall` asks for; nothing for `always`. */
export function reinstallFor(
  mode: 'auto' | 'always',
  engine: string,
  { cacheDir }: Host,
): { readonly reinstall?: Reinstall } {
  return mode === 'always'
    ? {}
    : { reinstall: reinstallBy(openProofs({ cacheDir, engine, version: version() })) };
}
