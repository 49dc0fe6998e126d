import type { EvalSpec, ImageEnvironment } from '../model/eval-spec.js';
import { environmentTag } from './environment.js';
import { instanceTag } from './instance.js';
import { LABEL } from './labels.js';
import { environmentKey } from './recipe.js';
import { isPublished } from './resolve.js';
import { layersOnBase, type StoredImage, uniqueBytes } from './usage.js';

export type EnvironmentState = 'built' | 'to build' | 'base missing';

/** One environment and the instances that share it. */
export interface EnvironmentPlan {
  readonly key: string;
  readonly image: string;
  readonly repos: readonly string[];
  readonly python?: string;
  /** System and Python packages that it asks for. */
  readonly packages: number;
  readonly instances: readonly string[];
  /** Of those, the ones whose image is there. */
  readonly built: number;
  /** Undefined when no engine answered. */
  readonly state?: EnvironmentState;
  /** What the environment adds to its base; where it is built. */
  readonly environmentBytes?: number;
  /** What its repository and instance images add, each layer once; where any is built. */
  readonly instanceBytes?: number;
}

/** What building or pulling the images of the specs comes to. */
export interface ImagePlan {
  readonly instances: number;
  /** In build order: the one with the most instances first. */
  readonly environments: readonly EnvironmentPlan[];
  readonly repositories: readonly string[];
  readonly withoutRecipe: readonly { readonly instanceId: string; readonly reason: string }[];
  /** Names of published images that are not there; undefined when no engine answered. */
  readonly missingPublished?: readonly string[];
  /** Of the instance images that are there, base included. */
  readonly disk?: {
    readonly images: number;
    /** Each layer once. */
    readonly uniqueBytes: number;
    /** If each image were whole by itself. */
    readonly separateBytes: number;
  };
}

/** What the engine told. */
export interface PlanFacts {
  /** All names of images. */
  readonly names: ReadonlySet<string>;
  readonly stored: readonly StoredImage[];
  /** True when there is a base image for the Python version. */
  readonly hasBase: (python: string | undefined) => boolean;
}

/** Plans the images of the specs; without facts, sizes and states are left out. */
export function planImages(specs: readonly EvalSpec[], facts: PlanFacts | undefined): ImagePlan {
  const groups = new Map<string, { environment: ImageEnvironment; specs: EvalSpec[] }>();
  for (const spec of specs) {
    const environment = spec.recipe?.environment;
    if (environment === undefined) continue;
    const key = environmentKey(environment);
    const group = groups.get(key) ?? { environment, specs: [] };
    group.specs.push(spec);
    groups.set(key, group);
  }
  const environments = [...groups].map(([key, group]) => environmentPlan(key, group, facts));
  environments.sort((a, b) => b.instances.length - a.instances.length || (a.key < b.key ? -1 : 1));
  const wanted = new Set(
    specs.flatMap(({ recipe }) => (recipe === undefined ? [] : instanceTag(recipe.name))),
  );
  const there = facts?.stored.filter(({ names }) => names.some((name) => wanted.has(name))) ?? [];
  return {
    instances: specs.length,
    environments,
    repositories: [...new Set(specs.map(({ repo }) => repo))].sort(),
    withoutRecipe: specs
      .filter(({ recipe }) => recipe === undefined)
      .map(({ instanceId, noRecipe = 'no recipe' }) => ({ instanceId, reason: noRecipe })),
    ...(facts === undefined
      ? {}
      : {
          missingPublished: specs
            .flatMap(({ images }) => images.filter(isPublished))
            .filter((ref) => !facts.names.has(familiarName(ref))),
        }),
    ...(there.length === 0
      ? {}
      : {
          disk: {
            images: there.length,
            uniqueBytes: uniqueBytes(there),
            separateBytes: there.reduce((sum, image) => sum + uniqueBytes([image]), 0),
          },
        }),
  };
}

function environmentPlan(
  key: string,
  { environment, specs }: { readonly environment: ImageEnvironment; readonly specs: readonly EvalSpec[] },
  facts: PlanFacts | undefined,
): EnvironmentPlan {
  const image = environmentTag(environment);
  const { python, systemPackages, pythonPackages } = environment;
  const stored = facts?.stored.find(({ names }) => names.includes(image));
  const above = facts?.stored.filter(
    ({ kind, labels }) => (kind === 'instance' || kind === 'repository') && labels[LABEL.environment] === key,
  );
  const below = new Set(stored?.layers.map(({ chain }) => chain));
  const tags = specs.flatMap(({ recipe }) => (recipe === undefined ? [] : instanceTag(recipe.name)));
  return {
    key,
    image,
    repos: [...new Set(specs.map(({ repo }) => repo))].sort(),
    ...(python === undefined ? {} : { python }),
    packages: systemPackages.length + pythonPackages.length,
    instances: specs.map(({ instanceId }) => instanceId),
    built: tags.filter((tag) => facts?.names.has(tag)).length,
    ...(facts === undefined
      ? {}
      : { state: stored !== undefined ? 'built' : facts.hasBase(python) ? 'to build' : 'base missing' }),
    ...(stored === undefined
      ? {}
      : { environmentBytes: sumOf(stored.layers.slice(-layersOnBase(stored.labels))) }),
    ...(stored === undefined || above === undefined || above.length === 0
      ? {}
      : { instanceBytes: uniqueBytes(above, below) }),
  };
}

function sumOf(layers: StoredImage['layers']): number {
  return layers.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The name that an engine lists an image by: without Docker Hub's host, with a tag. */
export function familiarName(ref: string): string {
  const name = ref.replace(/^(index\.)?docker\.io\/(library\/)?/, '');
  return name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`;
}
