import { variableValueProblem } from '../triggers/variable-rules.ts';
import { pointerTo, type FieldError } from './validation.pipe.ts';

/** Of what is only handed to containers, builders and steps, where no name steers anything of ours. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
const MAX_ENTRIES = 200;

/** Texts by names that could be those of variables; what is wrong with them is added to the errors. */
export const textsIn = (
  pointer: string,
  texts: Readonly<Record<string, unknown>> | undefined | null,
  errors: FieldError[],
): Record<string, string> | undefined => {
  if (texts === undefined || texts === null) return undefined;
  const entries = Object.entries(texts);
  if (entries.length > MAX_ENTRIES) errors.push({ pointer, message: `at most ${MAX_ENTRIES} entries` });
  for (const [name, value] of entries) {
    const message = NAME.test(name)
      ? typeof value === 'string'
        ? variableValueProblem(value)
        : `${name} must be a string`
      : 'a name has letters, digits and underscores, and does not begin with a digit';
    if (message !== undefined) errors.push({ pointer: `${pointer}${pointerTo(name.slice(0, 255))}`, message });
  }
  return texts as Record<string, string>;
};
