import type { FormatError, Instance, Message } from '../../../src/index.js';
import type { CommandLimits, CommandResult, Session } from '../session.js';

export interface OpenFile {
  /** Absolute. */
  readonly path: string;
  /** First line of the window on it, from 1. */
  readonly line: number;
}

/** What a scaffold remembers from turn to turn, beside the session. */
export interface ScaffoldState {
  readonly openFile?: OpenFile;
}

/** What became of one answer of the model. */
export interface Step {
  /** Exactly what the model is shown next; empty after `submit`. */
  readonly observation: string;
  /** What stood in the command block; null with a format error. */
  readonly command: string | null;
  readonly formatError?: FormatError;
  /** Of a shell command. */
  readonly result?: CommandResult;
  /** How much was cut out of the observation, if anything. */
  readonly truncatedChars?: number;
  readonly submit?: true;
}

export interface StepContext {
  readonly state: ScaffoldState;
  readonly session: Pick<Session, 'run' | 'readFile' | 'writeFile' | 'cwd'>;
  readonly limits: CommandLimits;
  readonly signal: AbortSignal;
}

export type Task = Pick<Instance, 'instanceId' | 'repo' | 'problemStatement'>;

export interface PromptOptions {
  readonly demonstration: boolean;
  /** Where the repository is. */
  readonly workdir: string;
}

/** How a model works on an instance: what it is told, and what its answers do. */
export interface Scaffold {
  readonly name: string;
  /** Changes with everything that a model is shown. */
  readonly version: string;
  prompt(task: Task, options: PromptOptions): readonly Message[];
  start(): ScaffoldState;
  /** What the model does wrong becomes an observation; rejects only with faults of the session, or when aborted. */
  step(text: string, at: StepContext): Promise<{ readonly step: Step; readonly state: ScaffoldState }>;
}
