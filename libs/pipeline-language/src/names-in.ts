import { expandVariables } from '@foldline/contracts';

/** Names of the variables that a text has in it, as `$NAME` or `${NAME}`. */
export const namesIn = (text: string): Set<string> => {
  const names = new Set<string>();
  expandVariables(text, (name) => {
    names.add(name);
    return undefined;
  });
  return names;
};
