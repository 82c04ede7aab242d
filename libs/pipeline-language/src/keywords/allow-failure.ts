import { record } from '../grammar/record.ts';
import { boolean, mapped, orMap, type Shape } from '../grammar/shape.ts';
import { invalid } from '../read.ts';
import { exitCodes } from './retry.ts';

/** Whether the pipeline goes on when the job fails, or with which exit codes of the job. */
export type AllowFailure = boolean | { exitCodes: number[] };

export const allowFailure: Shape<AllowFailure> = orMap<AllowFailure>(
  boolean,
  mapped(
    record<{ exit_codes: number[] }>({
      exit_codes: { shape: exitCodes, description: 'With which exit codes of the script.', example: [137, 255] },
    }),
    ({ exit_codes: codes }, node, where) =>
      node.kind === 'map' && !node.entries.has('exit_codes')
        ? invalid(node, where, 'needs `true`, `false` or `exit_codes`')
        : codes && { exitCodes: codes },
  ),
);
