/** What a command did. */
export interface CommandResult {
  readonly output: string;
  /** Null: killed at its limit. */
  readonly exitCode: number | null;
  readonly isTimeout: boolean;
  readonly truncatedChars: number;
  readonly cwd: string;
  /** The shell itself had ended and was started again: its state is lost. */
  readonly restarted: boolean;
  readonly seconds: number;
}

export interface CommandLimits {
  readonly seconds: number;
  readonly outputChars: number;
}

/** A shell that keeps its state from command to command. */
export interface Session {
  run(command: string, limits: CommandLimits, signal: AbortSignal): Promise<CommandResult>;
  /** Relative to the working folder; undefined: not there, or a folder. */
  readFile(path: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Rejects with a plain Error in the shell's words. A text is written as UTF-8. */
  writeFile(path: string, content: string | Uint8Array, signal: AbortSignal): Promise<void>;
  cwd(): string;
  close(): Promise<void>;
}
