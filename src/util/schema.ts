import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';
import { shown } from './words.js';

const compiled = new WeakMap<TSchema, ValidateFunction>();
/** Set for quick compiling: the tests check our schemas against the meta-schema. */
let ajv: Ajv2020 | undefined;

/** What is wrong with a value, in words that name the field and its value; undefined when it fits the schema, which is compiled on first use. */
export function schemaFault(value: unknown, schema: TSchema): string | undefined {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    ajv ??= new Ajv2020({
      verbose: true,
      allowUnionTypes: true,
      meta: false,
      validateSchema: false,
      code: { optimize: false },
    });
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  return validate(value) ? undefined : explain(validate.errors ?? []);
}

/** The last error is the outermost: for a choice of types it is the choice itself, which carries a description. */
function explain(errors: readonly ErrorObject[]): string {
  const error = errors.at(-1);
  if (error === undefined) return 'it does not fit its schema';
  const at = error.instancePath.slice(1).replaceAll('/', '.');
  if (error.keyword === 'required') {
    const name = String(error.params['missingProperty']);
    return `field "${at === '' ? name : `${at}.${name}`}" is missing or null`;
  }
  const description = (error.parentSchema as { description?: string } | undefined)?.description;
  const rule = description === undefined ? error.message : `must be ${description}`;
  return `field "${at}" ${rule}, got ${shown(error.data)}`;
}
