import { IMAGE_NAME } from '@foldline/contracts';
import { getMetadataStorage, type ValidationTypes } from 'class-validator';
import { itemsOf } from '../http/list-of.ts';

export type Schema = Record<string, unknown>;
type Rule = { name?: string; type: ValidationTypes | string; constraints?: readonly unknown[]; each: boolean };

/** What each rule of class-validator says in JSON Schema. A rule that is missing here fails the document's spec. */
const RULES: Readonly<Record<string, (constraints: readonly unknown[]) => Schema>> = {
  isString: () => ({ type: 'string' }),
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  isObject: () => ({ type: 'object', additionalProperties: true }),
  isArray: () => ({ type: 'array' }),
  isIn: ([values]) => ({ enum: [...(values as unknown[])] }),
  isLength: ([min, max]) => ({ minLength: min, maxLength: max }),
  maxLength: ([max]) => ({ maxLength: max }),
  minLength: ([min]) => ({ minLength: min }),
  min: ([min]) => ({ minimum: min }),
  max: ([max]) => ({ maximum: max }),
  isImageName: () => ({ pattern: IMAGE_NAME.source }),
  matches: ([pattern]) => ({ pattern: (pattern as RegExp).source }),
  arrayMinSize: ([min]) => ({ minItems: min }),
  arrayMaxSize: ([max]) => ({ maxItems: max }),
  arrayUnique: () => ({ uniqueItems: true }),
};

const schemaOf = (rules: readonly Rule[]): Schema => {
  const own: Schema = {};
  const items: Schema = {};
  for (const { name, constraints, each } of rules) {
    if (name === undefined) continue;
    const toSchema = RULES[name];
    if (!toSchema) throw new Error(`the rule ${name} has no JSON Schema`);
    Object.assign(each ? items : own, toSchema(constraints ?? []));
  }
  return Object.keys(items).length > 0 ? { ...own, items } : own;
};

export type Field = { name: string; required: boolean; schema: Schema };

/** The fields that a class declares with class-validator's decorators, in the order of their names. */
export const fieldsOf = (dto: new () => object): Field[] => {
  const metadata = getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false);
  const names = [...new Set(metadata.map(({ propertyName }) => propertyName))].toSorted();
  return names.map((name) => {
    const rules = metadata.filter(({ propertyName }) => propertyName === name);
    const required = !rules.some(({ type }) => type === 'conditionalValidation');
    const schema = schemaOf(rules.filter(({ type }) => type === 'customValidation'));
    const items = itemsOf(dto, name);
    return { name, required, schema: items ? { ...schema, items: objectSchema(items) } : schema };
  });
};

export const objectSchema = (dto: new () => object): Schema => {
  const fields = fieldsOf(dto);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(fields.map(({ name, schema }) => [name, schema])),
    required: fields.filter(({ required }) => required).map(({ name }) => name),
  };
};
