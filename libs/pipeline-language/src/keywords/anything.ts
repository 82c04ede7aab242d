import { shape, type Shape } from '../grammar/shape.ts';
import { readMap } from '../read.ts';

/** A map of whatever others ask for, kept as it is written. */
export const anything: Shape<unknown> = shape((node, where) => readMap(node, where) && true, { type: 'object' });
