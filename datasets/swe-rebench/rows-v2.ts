import { type Static, Type } from 'typebox';
import type { DatasetFormat } from '../../src/index.js';
import { Commands, CommonFields, commonInstance, some } from '../row.js';

const Row = Type.Object({
  ...CommonFields,
  language: Type.String({ minLength: 1 }),
  install_config: Type.Object({
    log_parser: Type.String({ minLength: 1 }),
    test_cmd: Commands,
    install: Type.Optional(Commands),
    base_image_name: Type.Optional(Type.String()),
  }),
  image_name: Type.Optional(Type.String()),
});

/** SWE-rebench V2: many languages, tree at `/<repo name>`, grading without markers. */
export const sweRebenchV2: DatasetFormat = {
  rowFormat: 'swe-rebench-v2',
  matches: (row) => 'install_config' in row && 'language' in row && !('eval_script' in row),
  schema: Row,
  toInstance(checked, rowHash) {
    const row = checked as Static<typeof Row>;
    return {
      ...commonInstance(row),
      language: row.language.toLowerCase(),
      rowFormat: 'swe-rebench-v2',
      rowHash,
      image: some(row.image_name),
      logParser: row.install_config.log_parser,
      installConfig: row.install_config,
    };
  },
};
