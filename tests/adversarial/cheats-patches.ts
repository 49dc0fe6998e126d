import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/util/package.js';
import type { Cheat } from './change.js';

const FOLDER = join(packageRoot(), 'tests', 'adversarial', 'patches');
/** Those that use up the time of a further run, which gets more of it than the official one. */
const ENDLESS = /hang|flood|stopped/;

/** Patches by somebody who knows how the strict verdict is found, as they came: `INSTANCE--WORDS.diff`. */
export const PATCH_CHEATS: readonly Cheat[] = readdirSync(FOLDER)
  .sort()
  .map((file) => {
    const [instance = '', words = ''] = file.replace(/\.diff$/, '').split('--');
    const how = words.replaceAll('-', ' ');
    return {
      name: `patches/${file}`,
      how,
      instance,
      patch: readFileSync(join(FOLDER, file), 'utf8'),
      foolsOfficial: true,
      ...(ENDLESS.test(words) ? { seconds: 4 } : {}),
    };
  });
