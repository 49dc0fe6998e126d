/**
 * Loaded into the command before its own code: the wall clock jumps by up to a year, forwards and backwards, at random moments, and each jump that
 * somebody saw is a line in the file `ASSAY_JUMPS`.
 */
const PROGRAM = `
import { appendFileSync } from 'node:fs';
const Real = Date;
let state = Number(process.env.ASSAY_JUMPS_SEED);
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
let offset = 0;
let next = 300;
const now = () => {
  if (performance.now() > next) {
    next = performance.now() + 500 + random() * 3000;
    offset = (random() - 0.5) * 2 * 10 ** (3 + random() * 7.5);
    appendFileSync(process.env.ASSAY_JUMPS, offset + '\\n');
  }
  return Real.now() + Math.round(offset);
};
globalThis.Date = class extends Real {
  constructor(...args) {
    super(...(args.length === 0 ? [now()] : args));
  }
  static now() {
    return now();
  }
};
`;

/** The environment of a command whose clock jumps. */
export function jumpyClock(file: string, seed: number): Readonly<Record<string, string>> {
  return {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PROGRAM)}`,
    ASSAY_JUMPS: file,
    ASSAY_JUMPS_SEED: String(1 + (seed % 1_000_000)),
  };
}
