import { shape, type Shape } from '../grammar/shape.ts';

/** What is kept as it is written. */
export const anything: Shape<unknown> = shape(() => true, {});
