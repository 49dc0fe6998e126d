/** What a patch does to one file, as its text says. */
export interface TouchedFile {
  /** Absent for an added file. */
  readonly oldPath?: string;
  /** Absent for a deleted file. */
  readonly newPath?: string;
  /** Git's mode of an added file or of one whose mode changes, e.g. `100755`. */
  readonly mode?: string;
  readonly binary: boolean;
  /** Lines that it adds. */
  readonly added: readonly string[];
}
