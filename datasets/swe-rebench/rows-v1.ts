import { type Static, Type } from 'typebox';
import type { DatasetFormat } from '../../src/index.js';
import { Commands, CommonFields, commonInstance, some } from '../row.js';

const Row = Type.Object({
  ...CommonFields,
  // Keys that the row leaves null are absent; `no_use_env` and `env_vars` are kept as they are.
  install_config: Type.Object({
    log_parser: Type.String({ minLength: 1 }),
    test_cmd: Commands,
    python: Type.Optional(Type.String()),
    install: Type.Optional(Commands),
    packages: Type.Optional(Type.String()),
    pip_packages: Type.Optional(Commands),
    pre_install: Type.Optional(Commands),
    reqs_path: Type.Optional(Commands),
    env_yml_path: Type.Optional(Commands),
  }),
  requirements: Type.Optional(Type.String()),
  environment: Type.Optional(Type.String()),
  docker_image: Type.Optional(Type.String()),
  image_name: Type.Optional(Type.String()),
});

/** SWE-rebench V1 and its leaderboard: Python, with the recipe of the environment in the row. */
export const sweRebenchV1: DatasetFormat = {
  rowFormat: 'swe-rebench-v1',
  matches: (row) => 'install_config' in row && !('language' in row) && !('eval_script' in row),
  schema: Row,
  toInstance(checked, rowHash) {
    const row = checked as Static<typeof Row>;
    return {
      ...commonInstance(row),
      language: 'python',
      rowFormat: 'swe-rebench-v1',
      rowHash,
      image: some(row.docker_image) ?? some(row.image_name),
      logParser: row.install_config.log_parser,
      installConfig: row.install_config,
      requirements: some(row.requirements),
      environment: some(row.environment),
    };
  },
};
