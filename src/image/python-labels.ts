import type { Verdict } from '../model/verdict.js';
import { LABEL } from './labels.js';

/** What an image says of its Python, for the verdict; nothing where it doesn't say both what was asked for and what it has. */
export function pythonOf(labels: Readonly<Record<string, string>>): Pick<Verdict, 'imagePython'> {
  const { [LABEL.pythonRequested]: requested, [LABEL.python]: has } = labels;
  return requested === undefined || has === undefined ? {} : { imagePython: { requested, has } };
}
