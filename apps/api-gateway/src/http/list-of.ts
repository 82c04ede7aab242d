import { Type } from 'class-transformer';
import { IsArray, ValidateNested } from 'class-validator';

type Class = new () => object;

const items = new Map<object, Map<string, Class>>();

/** A list of objects, each of which holds what the class declares and nothing else. */
export const ListOf =
  (type: Class): PropertyDecorator =>
  (target, property) => {
    IsArray()(target, property);
    ValidateNested({ each: true })(target, property as string);
    Type(() => type)(target, property as string);
    const of = items.get(target.constructor) ?? new Map<string, Class>();
    items.set(target.constructor, of.set(String(property), type));
  };

/** The class of what a field lists, if it is a list of objects. */
export const itemsOf = (dto: Class, property: string): Class | undefined => items.get(dto)?.get(property);
