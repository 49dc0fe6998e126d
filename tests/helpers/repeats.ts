/** How often a test of chance repeats: in full with `ASSAY_FULL=1`, and less often otherwise, so that `npm test` stays short. */
export function repeats(full: number, usual: number): number {
  return process.env['ASSAY_FULL'] === '1' ? full : usual;
}
