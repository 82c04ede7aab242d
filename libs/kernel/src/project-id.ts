import { derivedId } from './event-ids.ts';

/** Two spellings of the same name are one project. */
export const projectIdOf = (owner: string, name: string): string =>
  derivedId('project', owner.toLowerCase(), name.toLowerCase());
