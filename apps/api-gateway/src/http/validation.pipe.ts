import { Inject, Injectable, ValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import { Refusal } from '@foldline/kernel';
import type { ValidationError } from 'class-validator';
import { ReadQuery } from './pages.ts';
import { ReadYourWrites } from './read-your-writes.ts';

export type FieldError = { pointer: string; message: string };

export const pointerTo = (property: string): string => `/${property.replaceAll('~', '~0').replaceAll('/', '~1')}`;

const flat = (errors: readonly ValidationError[], parent = ''): FieldError[] =>
  errors.flatMap(({ property, constraints = {}, children, value }) => {
    const pointer = `${parent}${pointerTo(property)}`;
    const messages = Object.values(constraints);
    // What a value must be is of no use to who gave none.
    const isMissing = messages.length > 0 && value === undefined;
    const own = (isMissing ? [`${property} is required`] : messages).map((message) => ({ pointer, message }));
    return [...own, ...flat(children ?? [], pointer)];
  });

export const invalidRequest = (errors: readonly FieldError[]): Refusal =>
  new Refusal('invalid_request', errors.map(({ message }) => message).join('; ') || 'the request is not valid', {
    errors,
  });

/** The body of a request that says everything in its path: absent, or empty. */
export class NoBody {}

/** A class of bodies that need not be there: everything in them may be left out. */
export const isOptionalBody = (type: unknown): boolean =>
  type === NoBody || (typeof type === 'function' && 'isOptional' in type && type.isOptional === true);

const mustBeEmpty = (body: object): void => {
  const errors = Object.keys(body).map((name) => ({
    pointer: pointerTo(name),
    message: `property ${name} should not exist`,
  }));
  if (errors.length > 0) throw invalidRequest(errors);
};

/** Many clients send every field that they know: null says nothing. Where something must be said it was refused before. */
const leaveOutNulls = (body: Record<string, unknown>): void => {
  for (const [name, value] of Object.entries(body)) if (value === null) delete body[name];
};

/** Bodies and queries hold what their class declares and nothing else; a read waits here for the position it names. */
@Injectable()
export class StrictValidation extends ValidationPipe {
  constructor(@Inject(ReadYourWrites) private readonly writes: ReadYourWrites) {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      transform: true,
      validationError: { target: false },
      exceptionFactory: (errors) => invalidRequest(flat(errors)),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const { metatype } = metadata;
    if (metatype && value === undefined && metadata.type === 'body' && isOptionalBody(metatype)) return new metatype();
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (metadata.type === 'body' && !isObject)
      throw invalidRequest([{ pointer: '', message: 'the body must be a JSON object' }]);
    if (metadata.metatype === NoBody) {
      mustBeEmpty(value as object);
      return new NoBody();
    }
    const transformed = (await super.transform(value, metadata)) as unknown;
    if (metadata.type === 'body') leaveOutNulls(transformed as Record<string, unknown>);
    if (transformed instanceof ReadQuery) await this.writes.reach(transformed.minPosition);
    return transformed;
  }
}
