import type { ProfileName } from './grading.js';
import type { EvalType, Instance, Needs, RowFormat } from './instance.js';

/** Where the tree of an image comes from: a commit of a repository, or a folder that we ship. */
export type ImageSource =
  | { readonly kind: 'git'; readonly repo: string; readonly commit: string }
  | { readonly kind: 'tree'; readonly dir: string };

/** What an image must hold, as data. Made by `benchmarks/*`, built by `src/image`. */
export interface ImageRecipe {
  /** Tag-friendly name of the instance image, e.g. `sympy__sympy-13031`. */
  readonly name: string;
  readonly source: ImageSource;
  /** Absolute path of the tree inside the image. */
  readonly workdir: string;
  /** Requested interpreter, e.g. `3.9`; absent for images without Python. */
  readonly python?: string;
  /** Debian packages. */
  readonly systemPackages: readonly string[];
  /** Exact pip requirements, `name==version`, installed before the project. */
  readonly pythonPackages: readonly string[];
  /** Shell commands run as root in the tree before and instead of the default install. */
  readonly preInstall: readonly string[];
  readonly install: readonly string[];
}

/** All that is needed to evaluate patches for one instance, besides the patch. Made by `benchmarks/*`. */
export interface EvalSpec {
  readonly instanceId: string;
  readonly repo: string;
  readonly rowHash: string;
  readonly failToPass: readonly string[];
  readonly passToPass: readonly string[];
  /** Names to try in order: a locally built one, then the published one. */
  readonly images: readonly string[];
  readonly recipe?: ImageRecipe;
  /** `/testbed` for SWE-bench, `/<repo name>` for SWE-rebench V2. */
  readonly workdir: string;
  /** The complete official bash script; the profile may add to it before it runs. */
  readonly evalScript: string;
  readonly logParser: string;
  readonly evalType: EvalType;
  readonly needs: Needs;
}

/** What is true of evaluating the rows of a benchmark. */
export interface Benchmark {
  readonly name: string;
  /** The rows that `specFor` understands. */
  readonly rowFormats: readonly RowFormat[];
  readonly defaultProfile: ProfileName;
  /** All profiles whose rules fit these rows. */
  readonly profiles: readonly ProfileName[];
  /** Throws `unsupported_row` when the row lacks, and no table of ours has, what evaluating it needs. */
  readonly specFor: (instance: Instance) => EvalSpec;
}
