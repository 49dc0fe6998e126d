/** Sections of the page of a run by their place in the address, `#/instances`. */
export const SECTIONS = {
  result: 'Result',
  conditions: 'What was run',
  groups: 'Groups',
  plots: 'Plots',
  instances: 'Instances',
} as const;

/** Brings a section into view, and the keyboard with it. */
export function reveal(id: string | undefined): void {
  if (id === undefined || !Object.hasOwn(SECTIONS, id)) return;
  const section = document.getElementById(id);
  section?.focus({ preventScroll: true });
  section?.scrollIntoView();
}
