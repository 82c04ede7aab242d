import { fileURLToPath } from 'node:url';

/**
 * The program of a thread: in a bundle it lies beside it, otherwise in the folder of the module that starts it, under
 * `src/`. From source (tests) the built one is used, since node cannot run TypeScript.
 */
export const builtProgram = (startedBy: string, folder: string, name: string): string => {
  const place = startedBy.endsWith('.ts') ? `../../dist/${folder}/${name}` : `./${name}`;
  return fileURLToPath(new URL(place, startedBy));
};
