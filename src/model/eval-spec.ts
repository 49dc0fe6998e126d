import { type Static, type TString, Type } from 'typebox';
import type { ProfileName } from './grading.js';
import type { EvalType, Instance, Needs, RowFormat } from './instance.js';

const list = (item: TString) => Type.Immutable(Type.Array(item));
/** A pip requirement of a name, extras and versions, without spaces, URLs or markers. */
export const PIP_REQUIREMENT =
  '^[A-Za-z0-9][\\w.-]*(\\[[\\w.,-]+\\])?((==|>=|<=|~=|!=|<|>)[\\w.!+*-]+(,(?=[=<>~!])|$))*$';
const Commands = list(Type.String({ pattern: '\\S' }));

/** Where the tree of an image comes from: a commit of a repository, or a folder that we ship. */
export const ImageSource = Type.Union([
  Type.Object({
    kind: Type.Literal('git'),
    repo: Type.String({ pattern: '^[\\w.-]+/[\\w.-]+$' }),
    commit: Type.String({ minLength: 1 }),
  }),
  Type.Object({ kind: Type.Literal('tree'), dir: Type.String({ minLength: 1 }) }),
]);
export type ImageSource = Static<typeof ImageSource>;

/** The part of a recipe that does not depend on the tree: one layer, shared by all instances that ask for the same. */
export const ImageEnvironment = Type.Object({
  /** The environment of the benchmark that this one stands for: two stay two where they differ only in what pip can't install. */
  reference: Type.Optional(Type.String({ pattern: '^[\\w.-]+$' })),
  /** Requested interpreter, e.g. `3.9`; absent for images without Python. */
  python: Type.Optional(Type.String({ pattern: '^3\\.\\d+$' })),
  /** Debian packages, sorted. */
  systemPackages: list(Type.String({ pattern: '^[a-z0-9][a-z0-9+.-]+$' })),
  /** pip requirements, sorted: exact ones (`name==version`) where the reference environment is known. */
  pythonPackages: list(Type.String({ pattern: PIP_REQUIREMENT })),
});
export type ImageEnvironment = Static<typeof ImageEnvironment>;

/** What an image must hold, as data. Made by `benchmarks/*`, built by `src/image`. */
export const ImageRecipe = Type.Object({
  /** Tag-friendly name of the instance image, e.g. `sympy__sympy-13031`. */
  name: Type.String({ pattern: '^[a-z0-9]+((\\.|_{1,2}|-+)[a-z0-9]+)*$' }),
  source: ImageSource,
  /** Absolute path of the tree inside the image. */
  workdir: Type.String({ pattern: '^/[\\w.-]+$' }),
  environment: ImageEnvironment,
  /** Shell commands run as root in the tree before `install`, in the same shell; each must succeed. */
  preInstall: Commands,
  /** Shell commands that install the project; each must succeed. */
  install: Commands,
  /** Shell commands that must succeed in the tree after the install, with the environment active. */
  checks: Commands,
});
export type ImageRecipe = Static<typeof ImageRecipe>;

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
  /** Why there is no recipe, for the user: what is missing and where; present exactly when `recipe` is not. */
  readonly noRecipe?: string;
  /** `/testbed` for SWE-bench, `/<repo name>` for SWE-rebench V2. */
  readonly workdir: string;
  /** The complete official bash script; the profile may add to it before it runs. */
  readonly evalScript: string;
  readonly logParser: string;
  readonly evalType: EvalType;
  readonly needs: Needs;
  /** Paths of the repository that are part of the machinery which runs its tests, where that is its own subject. */
  readonly machinery?: RegExp;
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
