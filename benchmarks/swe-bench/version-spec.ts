/** How SWE-bench installs and tests one version of a repository. Lists of requirements are separated by spaces. */
export interface VersionSpec {
  readonly python: string;
  /** Requirements, or the repository's `requirements.txt` or `environment.yml`. */
  readonly packages?: string;
  readonly pip?: string;
  readonly preInstall?: readonly string[];
  readonly install: string;
  readonly testCmd: string;
  readonly evalCommands?: readonly string[];
}

/** All versions of one repository. */
export interface RepoSpec {
  /** What a version has unless it says otherwise. */
  readonly all: Partial<VersionSpec>;
  /** Versions are separated by spaces. */
  readonly versions: readonly (Partial<VersionSpec> & { readonly versions: string })[];
}
