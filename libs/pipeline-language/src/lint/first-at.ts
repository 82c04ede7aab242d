import type { Position } from '../node.ts';

/** Whether something is found for the first time at a place, so many characters into its text: jobs share what one line says. */
export type FirstAt = (place: Position, offset?: number) => boolean;

export const firstAt = (): FirstAt => {
  const seen = new Set<string>();
  return ({ file = '', line, column }, offset = 0) => {
    const before = seen.size;
    return seen.add(`${line}:${column}:${offset}:${file}`).size > before;
  };
};
