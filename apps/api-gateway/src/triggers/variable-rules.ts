import { variableNameProblem } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import type { FieldError } from '../http/validation.pipe.ts';

export const MAX_VARIABLES_BYTES = 64 * 1024;
const MAX_VARIABLES = 500;

/** What is wrong with a variable's value; nothing when it may be given to a process. */
export const variableValueProblem = (value: string): string | undefined => {
  if (value.includes('\u0000')) return 'a value has no NUL character';
  return Buffer.byteLength(value) > MAX_VARIABLES_BYTES
    ? `a value has at most ${MAX_VARIABLES_BYTES} bytes`
    : undefined;
};

const pointerTo = (name: string): string => `/variables/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

const problemsOf = (name: string, value: unknown): FieldError[] => {
  const pointer = pointerTo(name.slice(0, 255));
  if (typeof value !== 'string') return [{ pointer, message: `${name.slice(0, 255)} must be a string` }];
  return [variableNameProblem(name), variableValueProblem(value)].flatMap((message) =>
    message ? [{ pointer, message }] : [],
  );
};

export const invalidVariable = (errors: readonly FieldError[]): Refusal =>
  new Refusal('invalid_variable', errors.map(({ message }) => message).join('; '), { errors });

/** The variables of a request (S0-56), checked. Throws `Refusal` of code `invalid_variable` that names every mistake. */
export const checkedVariables = (given: Readonly<Record<string, unknown>>): Record<string, string> => {
  const entries = Object.entries(given);
  if (entries.length > MAX_VARIABLES)
    throw invalidVariable([{ pointer: '/variables', message: `at most ${MAX_VARIABLES} variables` }]);
  const errors = entries.flatMap(([name, value]) => problemsOf(name, value));
  if (errors.length > 0) throw invalidVariable(errors);
  const variables = given as Record<string, string>;
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value as string), 0);
  if (bytes > MAX_VARIABLES_BYTES)
    throw invalidVariable([{ pointer: '/variables', message: `at most ${MAX_VARIABLES_BYTES} bytes together` }]);
  return variables;
};
